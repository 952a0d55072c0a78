import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { terminalFetch } from "../../../src/cli/fetch.ts";
import { fetchCheckpoint } from "../../../src/data/hub/checkpoint.ts";
import type { Hub } from "../../../src/data/hub/requests.ts";
import { openModel } from "../../../src/pipeline/load.ts";
import { listing, nuwa, temporaryFolder } from "../../cli/support.ts";
import { fixturePath } from "../../support.ts";
import { COMMIT, type FakeHub, fakeHub } from "./server.ts";

const SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const NAMES = ["config.json", ...SHARDS, "model.safetensors.index.json"];
const wide = (name: string) => readFileSync(fixturePath("wide", name));
const CHECKPOINT: Record<string, Buffer> = {
  ".gitattributes": Buffer.from("*"),
  "README.md": Buffer.from("# Model"),
  "../escape.json": Buffer.from("{}"),
  "pytorch_model.bin": Buffer.from("a pickle"),
  ...Object.fromEntries(NAMES.map((name) => [name, wide(name)])),
};

let servers: FakeHub[] = [];
async function serve(files: Record<string, Buffer> = CHECKPOINT, lfs: readonly string[] = SHARDS): Promise<FakeHub> {
  const server = await fakeHub(files, lfs);
  servers.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
  vi.unstubAllEnvs();
});

/** Fetches without pauses; gives what the observer was told, or the error's message. */
async function bring({ host }: Pick<FakeHub, "host">, folder: string, hub: Partial<Hub> = {}): Promise<string> {
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text) };
  const quick = { host, pause: async () => undefined, ...hub };
  try {
    await fetchCheckpoint(quick, "some/model", "main", folder, terminalFetch(output));
    return written.join("");
  } catch (error) {
    expect((error as Error).name).toMatch(/NuwaError|UsageError/);
    return (error as Error).message;
  }
}

const rangesOf = (server: FakeHub, name: string) =>
  server.requests.filter(({ path }) => path.endsWith(name)).map(({ range }) => range);

function expectWhole(folder: string): void {
  expect(listing(folder)).toEqual([...NAMES].sort());
  for (const name of NAMES) expect(readFileSync(join(folder, name)).equals(wide(name)), name).toBe(true);
}

describe("fetching a checkpoint", () => {
  it("brings configuration, index and the shards that it names, and nothing else; they open as a model", async () => {
    const server = await serve();
    server.behaviour.pageSize = 3;
    const folder = join(temporaryFolder(), "new", "folder");
    const told = await bring(server, folder);
    expectWhole(folder);
    expect(told).toMatch(/^some\/model at 0123456789ab: 4 files, .* GB$/m);
    expect(told).toMatch(/^model-00001-of-00002\.safetensors {2}\d+ bytes$/m);
    expect(openModel(folder).places.length).toBeGreaterThan(10);
  });

  it("a second time brings nothing that is there", async () => {
    const server = await serve();
    const folder = temporaryFolder();
    await bring(server, folder);
    const before = server.requests.length;
    expect(await bring(server, folder)).toMatch(/model-00002.*, was there/);
    expect(server.requests.slice(before).every(({ path }) => path.startsWith("/api/"))).toBe(true);
    // A damaged file is brought again, even where its size is right.
    const path = join(folder, SHARDS[0]);
    const damaged = readFileSync(path);
    damaged[100] ^= 1;
    writeFileSync(path, damaged);
    await bring(server, folder);
    expectWhole(folder);
  });

  it("goes on where a connection broke, without bringing anything twice", async () => {
    const server = await serve();
    Object.assign(server.behaviour, { dropAfter: 5000, drops: 2 });
    const folder = temporaryFolder();
    await bring(server, folder);
    expectWhole(folder);
    const ranges = server.requests.map(({ range }) => range);
    expect(ranges).toContain("bytes=5000-");
    expect(ranges).toContain("bytes=10000-");
  });

  it("gives up on a server that never gets further, and goes on there the next time", async () => {
    const server = await serve();
    Object.assign(server.behaviour, { dropAfter: 0, drops: 1e9 });
    const folder = temporaryFolder();
    expect(await bring(server, folder)).toMatch(
      /some\/model: model.*the connection broke at 0 of \d+ bytes .* goes on there/,
    );
    expect(listing(folder).filter((name) => !name.startsWith("."))).toEqual([]);
    server.behaviour.drops = 0;
    await bring(server, folder);
    expectWhole(folder);
  });

  it("a process that was killed left a part; another one goes on with it, but not with that of another version", async () => {
    const server = await serve();
    const folder = temporaryFolder();
    await bring(server, folder);
    const sum = createHash("sha256").update(wide(SHARDS[0])).digest("hex").slice(0, 16);
    rmSync(join(folder, SHARDS[0]));
    writeFileSync(join(folder, `.${SHARDS[0]}.${sum}.part`), wide(SHARDS[0]).subarray(0, 777));
    writeFileSync(join(folder, `.${SHARDS[0]}.${"0".repeat(16)}.part`), "of another version");
    server.requests.length = 0;
    await bring(server, folder);
    expect(rangesOf(server, SHARDS[0])).toEqual(["bytes=777-"]);
    rmSync(join(folder, `.${SHARDS[0]}.${"0".repeat(16)}.part`));
    expectWhole(folder);
  });

  it.each(["noRange", "refuseRange"] as const)(
    "begins a file again where the server has no ranges (%s)",
    async (how) => {
      const server = await serve();
      Object.assign(server.behaviour, { dropAfter: 5000, drops: 1, [how]: true });
      const folder = temporaryFolder();
      await bring(server, folder);
      expectWhole(folder);
    },
  );

  it.each([
    ["sha256", SHARDS],
    ["git-sha1", []],
  ] as const)("throws away what has the wrong checksum (%s)", async (_, lfs) => {
    const server = await serve(CHECKPOINT, lfs);
    const folder = temporaryFolder();
    await bring(server, folder);
    writeFileSync(join(folder, SHARDS[0]), "damaged");
    server.behaviour.corrupt = true;
    expect(await bring(server, folder)).toMatch(/model-00001.*another (SHA-256|git checksum) than the hub lists/);
    expect(listing(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
    expect(readFileSync(join(folder, SHARDS[0]), "utf8")).toBe("damaged");
  });

  it("does not take more than the hub lists", async () => {
    const server = await serve();
    server.behaviour.tooLong = true;
    expect(await bring(server, temporaryFolder())).toMatch(/sends more than the \d+ bytes/);
  });

  it("follows a redirect to another host, which does not get the token", async () => {
    const [server, store] = [await serve(), await serve()];
    server.behaviour.redirect = store.host;
    const folder = temporaryFolder();
    await bring(server, folder, { token: "secret" });
    expectWhole(folder);
    expect(server.requests.every(({ authorization }) => authorization === "Bearer secret")).toBe(true);
    expect(store.requests.length).toBe(4);
    expect(store.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it("asks a busy server again, and says when it stays busy", async () => {
    const server = await serve();
    Object.assign(server.behaviour, { status: 503, statusTimes: 3 });
    const folder = temporaryFolder();
    await bring(server, folder);
    expectWhole(folder);
    Object.assign(server.behaviour, { status: 429, statusTimes: undefined });
    expect(await bring(server, folder)).toMatch(/does not give it \(the server says 429\)/);
  });

  it.each([
    [404, {}, /some\/model \(revision main\): is not on http.* Check the name and the revision/],
    [401, {}, /private or gated, or does not exist.* set HF_TOKEN/],
    [403, { token: "secret" }, /refuses it to the account of HF_TOKEN.* ask for access/],
    [400, {}, /refuses it with status 400/],
  ])("status %i is said in a line that helps", async (status, hub, message) => {
    const server = await serve();
    server.behaviour.status = status;
    const folder = temporaryFolder();
    expect(await bring(server, folder, hub)).toMatch(message);
    expect(server.requests).toHaveLength(1);
    expect(listing(folder)).toEqual([]);
  });

  it("a server that is not there is said to be so", async () => {
    expect(await bring({ host: "http://127.0.0.1:9" }, temporaryFolder())).toMatch(
      /does not give it \(.+\)\. Check the connection/,
    );
  });

  const index = (file: string) => ({
    "model.safetensors.index.json": Buffer.from(`{"weight_map":{"a":${JSON.stringify(file)}}}`),
  });
  const without = (...names: string[]) =>
    Object.fromEntries(Object.entries(CHECKPOINT).filter(([name]) => !names.includes(name)));
  it.each<[string, Record<string, Buffer>, RegExp]>([
    ["an index that leads out of the folder", index("../../escape.safetensors"), /is no plain name/],
    ["an index that names a hidden file", index(".ssh.safetensors"), /is no plain name/],
    ["an index that names a file that is not there", index("other.safetensors"), /which some\/model does not have/],
    ["an index that is none", { "model.safetensors.index.json": Buffer.from("[]") }, /index\.json: .*expected object/],
    [
      "too large a configuration",
      { "config.json": Buffer.alloc(2 ** 26 + 1) },
      /config\.json has 67108865 bytes, more than/,
    ],
  ])("refuses %s", async (_, files, message) => {
    const server = await serve({ ...CHECKPOINT, ...files });
    const folder = temporaryFolder();
    expect(await bring(server, folder)).toMatch(message);
    expect(listing(folder).filter((name) => name.endsWith(".safetensors"))).toEqual([]);
  });

  it("refuses a repository without configuration or without safetensors", async () => {
    expect(await bring(await serve(without("config.json")), temporaryFolder())).toMatch(/no config\.json/);
    const pickles = await serve(without("model.safetensors.index.json"));
    expect(await bring(pickles, temporaryFolder())).toMatch(/no safetensors weights/);
  });
});

describe("nuwa fetch", () => {
  it("fetches from a mirror with the token of HF_TOKEN and says where to", async () => {
    const server = await serve();
    vi.stubEnv("HF_TOKEN", "secret");
    const folder = temporaryFolder();
    const { code, out, err } = await nuwa("fetch", "some/model", "--mirror", `${server.host}/`, "--out", folder);
    expect([code, out]).toEqual([0, `wrote ${folder}: some/model at commit ${COMMIT}\n`]);
    expect(err.trim().split("\n")).toHaveLength(5);
    expect(server.requests[0].authorization).toBe("Bearer secret");
    expectWhole(folder);
  });

  it.each([
    [["../etc"], /"\.\.\/etc" is not the name of a repository/],
    [["a/b/c"], /not the name of a repository/],
    [["some/model", "--mirror", "ftp://x"], /--mirror "ftp:\/\/x" is not an address/],
    [["some/model", "--out", ""], /--out is empty/],
    [[], /missing required argument 'repo'/],
  ])("refuses %j in one line", async (argv, message) => {
    const { code, out, err } = await nuwa("fetch", ...argv);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(message);
    expect(err.trim().split("\n")).toHaveLength(1);
  });
});

it("progress on a terminal is one line with the time left", async () => {
  const server = await serve();
  const written: string[] = [];
  const observer = terminalFetch({ isTTY: true, write: (text) => written.push(text) });
  await fetchCheckpoint(
    { host: server.host, pause: async () => undefined },
    "some/model",
    "main",
    temporaryFolder(),
    observer,
  );
  expect(written.join("")).toMatch(/\rmodel-00002-of-00002\.safetensors {2}\S+ GB of \S+ GB {2}\d+ s left/);
});
