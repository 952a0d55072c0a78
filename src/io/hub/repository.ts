import { z } from "zod";
import { NuwaError, UsageError } from "../../core/errors.ts";
import { checkSchema } from "../../core/schema.ts";
import { reasonOf } from "../files.ts";
import { type Hub, request } from "./requests.ts";

/** A file of a repository as the hub lists it. */
export interface RemoteFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly checksum: Checksum;
}

/** Large files are known by the SHA-256 of their bytes, small ones by git's: SHA-1 of "blob SIZE\0" and the bytes. */
export interface Checksum {
  readonly kind: "sha256" | "git-sha1";
  /** Hexadecimal. */
  readonly value: string;
}

/** A repository at a commit. */
export interface Repository {
  readonly name: string;
  readonly commit: string;
  /** By path. */
  readonly files: ReadonlyMap<string, RemoteFile>;
}

const commitSchema = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/) });
const size = z.number().int().nonnegative();
const treeSchema = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    size,
    oid: z.string().regex(/^[0-9a-f]{40}$/),
    lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size }).nullish(),
  }),
);

/** No checkpoint has more files in one folder. */
const MOST_PAGES = 20;
/** Answers of the hub's interface above this are refused. */
const MOST_BYTES = 32 * 2 ** 20;

/**
 * Refuses what is not the name of a repository, before it becomes a part of an address or a path.
 *
 * @throws UsageError
 */
export function checkRepositoryName(name: string): string {
  const part = "[A-Za-z0-9_][A-Za-z0-9._-]{0,95}";
  if (!new RegExp(`^${part}(/${part})?$`).test(name) || name.includes(".."))
    throw new UsageError(`"${name}" is not the name of a repository, such as llava-hf/llava-1.5-7b-hf.`);
  return name;
}

/**
 * The files at the root of a repository, at the commit that a revision means now.
 *
 * @param revision branch, tag or commit
 * @throws NuwaError when there is no such repository or revision, or the answer is not the hub's
 */
export async function openRepository(hub: Hub, name: string, revision: string): Promise<Repository> {
  const api = `/api/models/${name}`;
  const what = `${name} (revision ${revision})`;
  const head = await request(hub, `${api}/revision/${encodeURIComponent(revision)}`, what);
  const { sha: commit } = checkSchema(`${hub.host}: ${what}`, await jsonOf(head, what), commitSchema, NOT_THE_HUB);
  const files = new Map<string, RemoteFile>();
  let next: string | undefined = `${api}/tree/${commit}`;
  for (let page = 0; next !== undefined; page++) {
    if (page === MOST_PAGES) throw new NuwaError(`${what}: has more files than a checkpoint can have.`);
    const response: Response = await request(hub, next, what);
    const entries = checkSchema(
      `${hub.host}: list of files of ${what}`,
      await jsonOf(response, what),
      treeSchema,
      NOT_THE_HUB,
    );
    for (const { type, path, size: bytes, oid, lfs } of entries)
      if (type === "file")
        files.set(path, {
          path,
          size: lfs?.size ?? bytes,
          checksum: lfs ? { kind: "sha256", value: lfs.oid } : { kind: "git-sha1", value: oid },
        });
    next = nextPage(response);
  }
  return { name, commit, files };
}

/** What helps where an answer has another form. */
const NOT_THE_HUB = "That is not what the hub gives: check the host, or try again later.";

async function jsonOf(response: Response, what: string): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) throw new Error(`more than ${MOST_BYTES} bytes`);
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (error) {
    throw new NuwaError(`${what}: the server's answer is not what the hub gives (${reasonOf(error)}).`);
  }
}

/** The path of the next page in a Link header. Only the path: the token must not go to another host. */
function nextPage(response: Response): string | undefined {
  const link = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("link") ?? "");
  if (!link) return undefined;
  const { pathname, search } = new URL(link[1], response.url);
  return `${pathname}${search}`;
}
