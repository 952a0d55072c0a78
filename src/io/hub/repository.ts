import { z } from "zod";
import { NuwaError, UsageError } from "../../core/errors.ts";
import { checkSchema, shown } from "../../core/schema.ts";
import { reasonOf } from "../files.ts";
import { mostValues, parseJson } from "../json.ts";
import { type Hub, insist, request } from "./requests.ts";

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

/** No checkpoint has more files in one folder; the hub gives a thousand a page. */
const MOST_FILES = 2000;
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
  if (!new RegExp(`^${part}/${part}$`).test(name) || name.includes(".."))
    throw new UsageError(
      `"${name}" is not the name of a repository, OWNER/NAME such as llava-hf/llava-1.5-7b-hf. Give one.`,
    );
  return name;
}

/** Refuses what git takes for no name. @throws UsageError */
function checkRevision(revision: string): void {
  // Source: git-check-ref-format(1).
  if (!/^[^\s~^:?*[\\\p{Cc}]{1,250}$/u.test(revision) || /\.\.|^[/-]|\/$|\/\/|@\{/.test(revision))
    throw new UsageError(`revision "${revision}" is not the name of a branch or tag, nor a commit. Give one.`);
}

/**
 * The files at the root of a repository, at the commit that a revision means now.
 *
 * @param revision branch, tag or commit
 * @throws NuwaError when there is no such repository or revision, or the answer is not the hub's
 */
export async function openRepository(hub: Hub, name: string, revision: string): Promise<Repository> {
  checkRevision(revision);
  const api = `/api/models/${checkRepositoryName(name)}`;
  const what = `${name} (revision ${revision})`;
  const head = await answerTo(hub, `${api}/revision/${encodeURIComponent(revision)}`, what);
  const { sha: commit } = checkSchema(`${hub.host}: ${what}`, head.json, commitSchema, NOT_THE_HUB);
  const files = new Map<string, RemoteFile>();
  const paths = new Set<string>();
  const list = `list of files of ${what}`;
  let query: string | undefined = "";
  for (let page = 0; query !== undefined; page++) {
    if (page === MOST_PAGES) throw new NuwaError(`${what}: has more files than a checkpoint can have.`);
    const { json, next } = await answerTo(hub, `${api}/tree/${commit}${query}`, what);
    for (const { type, path, size: bytes, oid, lfs } of checkSchema(
      `${hub.host}: ${list}`,
      json,
      treeSchema,
      NOT_THE_HUB,
    )) {
      requirePath(`${hub.host}: ${list}`, path, paths);
      if (type === "file")
        files.set(path, {
          path,
          size: lfs?.size ?? bytes,
          checksum: lfs ? { kind: "sha256", value: lfs.oid } : { kind: "git-sha1", value: oid },
        });
    }
    query = next;
  }
  return { name, commit, files };
}

/** @throws NuwaError for a path that leads out of a folder, or is there twice, or one too many */
function requirePath(where: string, path: string, known: Set<string>): void {
  const isPlain = path.length <= 1000 && /^[^\\\p{Cc}]+$/u.test(path);
  if (!isPlain || path.split("/").some((part) => ["", ".", ".."].includes(part)))
    throw new NuwaError(`${where}: ${shown(path)} is no path of a file. ${NOT_THE_HUB}`);
  if (known.has(path)) throw new NuwaError(`${where}: ${shown(path)} is there twice. ${NOT_THE_HUB}`);
  if (known.size === MOST_FILES)
    throw new NuwaError(`${where}: more than ${MOST_FILES} files, which no checkpoint has. Check the name.`);
  known.add(path);
}

/** What helps where an answer has another form. */
const NOT_THE_HUB = "That is not what the hub gives: check the host, or try again later.";

/** An answer of the hub's interface, and the query of its next page. */
interface ApiAnswer {
  readonly json: unknown;
  readonly next: string | undefined;
}

function answerTo(hub: Hub, path: string, what: string): Promise<ApiAnswer> {
  return insist(hub, {
    what,
    bytes: 0,
    once: (end) =>
      request(hub, path, what, {}, end, async (response, heard) => ({
        json: jsonIn(what, await bytesOf(response, what, heard)),
        next: nextPage(response),
      })),
    failed: (problem) => `${what}: ${hub.host} does not give it (${problem}). Check the connection and try again.`,
  });
}

async function bytesOf(response: Response, what: string, heard: () => void): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    heard();
    bytes += chunk.length;
    if (bytes > MOST_BYTES)
      throw new NuwaError(`${what}: the server's answer has more than ${MOST_BYTES} bytes. ${NOT_THE_HUB}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function jsonIn(what: string, bytes: Buffer): unknown {
  try {
    return parseJson(bytes, mostValues(MOST_BYTES));
  } catch (error) {
    throw new NuwaError(`${what}: the server's answer is not JSON (${reasonOf(error)}). ${NOT_THE_HUB}`);
  }
}

/**
 * The query of the next page in a Link header. Nothing else of it is used: the token must not go to another host, and
 * a mirror that lies below a path may give the hub's own.
 */
function nextPage(response: Response): string | undefined {
  const link = /<([^<>]{1,2000})>;\s{0,9}rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
  return link !== undefined && URL.canParse(link, response.url) ? new URL(link, response.url).search : undefined;
}
