import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { download } from "../../src/io/hub/download.ts";
import { openRepository, type Repository } from "../../src/io/hub/repository.ts";
import type { Hub } from "../../src/io/hub/requests.ts";
import { withDamage } from "./damage.ts";
import type { Case, Target } from "./target.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** What the next answers are, from their status line to their last byte; the last one is given again and again. */
let answers: Uint8Array[] = [];
const server = createServer((socket) => {
  socket.on("error", () => undefined);
  // A request has no body here.
  socket.once("data", () => socket.end(answers.length > 1 ? (answers.shift() as Uint8Array) : answers[0]));
}).unref();

/** A hub of this process that answers with these bytes, and is not waited for long. */
async function hubOf(list: Uint8Array[]): Promise<Hub> {
  answers = list;
  if (!server.listening) await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    host: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pause: async () => undefined,
    patience: { silent: 500, whole: 1000, each: 0 },
  };
}

/** An answer of HTTP/1.1. */
function http(status: string, headers: Readonly<Record<string, string | number>>, body: Uint8Array | string): Buffer {
  const all = { connection: "close", "content-length": Buffer.byteLength(body), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`), Buffer.from(body)]);
}
const HTTP_TOKENS = [
  "HTTP/1.1 ",
  "206 ",
  "416 ",
  "503 ",
  "content-length: 0\r\n",
  "transfer-encoding: chunked\r\n",
  "\r\n",
];

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
const name = fc.string({ unit: fc.constantFrom(..."abc-_.é 猫"), minLength: 1, maxLength: 8 });
const entry = fc.record({
  path: fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/")),
  type: fc.constantFrom("file", "file", "directory"),
  size: fc.maxSafeNat(),
  oid: hex(40),
  lfs: fc.option(fc.record({ oid: hex(64), size: fc.maxSafeNat() })),
});
const listing = fc
  .uniqueArray(entry, { selector: ({ path }) => path, maxLength: 5 })
  .filter((entries) => entries.every(({ path }) => !path.split("/").some((part) => part === "." || part === "..")))
  .map(
    (entries): Case => ({
      bytes: http("200 OK", { "content-type": "application/json" }, JSON.stringify(entries)),
      wanted: entries.flatMap(({ path, type, size, oid, lfs }) =>
        type === "file" ? [[path, lfs?.size ?? size, lfs ? "sha256" : "git-sha1", lfs?.oid ?? oid]] : [],
      ),
    }),
  );

/** The hub's list of the files of a repository, with what HTTP says of it. */
export const listings: Target = {
  name: "listings",
  cases: 100,
  inputs: withDamage(listing, [...HTTP_TOKENS, '"lfs":{},', '"path":"../a"', "[", "{", 'link: <?a>; rel="next"\r\n']),
  async read(path) {
    const revision = http("200 OK", {}, JSON.stringify({ sha: COMMIT }));
    const { files } = await openRepository(await hubOf([revision, readFileSync(path)]), "some/model", "main");
    return [...files.values()].map(({ path: own, size, checksum: { kind, value } }) => [own, size, kind, value]);
  },
};

/** The file that is fetched. */
const FILE = Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 7 + (i >> 5)) % 256));
const BEGUN = 100;
const part = fc.nat(500).chain((from) => {
  const whole = http("200 OK", { etag: '"a"' }, FILE);
  const range = `bytes ${from}-${FILE.length - 1}/${FILE.length}`;
  const rest = http("206 Partial Content", { etag: '"a"', "content-range": range }, FILE.subarray(from));
  return fc.constantFrom<Case>(
    { bytes: whole, wanted: true },
    // A part that does not begin where the file on the disk ends cannot be used.
    from === BEGUN ? { bytes: rest, wanted: true } : { bytes: rest },
  );
});

/** A file of which a part is there, and what the server answers when it is asked for the rest. */
export const downloads: Target = {
  name: "downloads",
  cases: 60,
  inputs: withDamage(
    fc.oneof(
      part,
      fc.constant<Case>({
        bytes: http("206 OK", { "content-range": `bytes ${BEGUN}-599/600` }, FILE.subarray(BEGUN)),
        wanted: true,
      }),
    ),
    [...HTTP_TOKENS, "content-range: bytes 100-599/600\r\n", "content-encoding: gzip\r\n", 'etag: W/"b"\r\n'],
  ),
  async read(path) {
    const folder = mkdtempSync(join(dirname(path), "download-"));
    const value = createHash("sha256").update(FILE).digest("hex");
    writeFileSync(join(folder, `.a.bin.${value.slice(0, 16)}.part`), FILE.subarray(0, BEGUN));
    const file = { path: "a.bin", size: FILE.length, checksum: { kind: "sha256", value } } as const;
    const repository: Repository = { name: "some/model", commit: COMMIT, files: new Map([["a.bin", file]]) };
    await download(await hubOf([readFileSync(path)]), repository, file, folder, () => undefined);
    return readFileSync(join(folder, "a.bin")).equals(FILE);
  },
  // Whatever came: what is there in the end is the file.
  decode: () => true,
};
