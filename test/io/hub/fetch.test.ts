import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { terminalFetch } from "../../../src/cli/fetch.ts";
import { fetchCheckpoint, requireDiskSpace } from "../../../src/io/hub/fetch-checkpoint.ts";
import type { Hub } from "../../../src/io/hub/requests.ts";
import { openModel } from "../../../src/io/load.ts";
import { listing, temporaryFolder } from "../../cli/support.ts";
import { refusal } from "../scratch.ts";
import type { FakeHub } from "./server.ts";
import { CHECKPOINT, closeServers, expectWhole, SHARDS, serve, wide } from "./support.ts";

afterEach(closeServers);

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

describe("fetching a checkpoint", () => {
  it("brings configuration, index and the shards that it names, and nothing else; they open as a model", async () => {
    const server = await serve();
    server.behaviour.pageSize = 3;
    const folder = join(temporaryFolder(), "new", "folder");
    const told = await bring(server, folder);
    expectWhole(folder);
    expect(told).toMatch(/^some\/model at 0123456789ab: 4 files, .* GB$/m);
    expect(told).toMatch(/^model-00001-of-00002\.safetensors {2}\d+ bytes$/m);
    expect(openModel(folder).locations.length).toBeGreaterThan(10);
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

  it("waits longer each time that nothing came, and says so", async () => {
    const server = await serve();
    Object.assign(server.behaviour, { dropAfter: 0, drops: 1e9 });
    const waits: number[] = [];
    const pause = async (milliseconds: number) => void waits.push(milliseconds);
    await bring(server, temporaryFolder(), { pause });
    expect(waits).toEqual([1000, 2000, 4000, 8000]);
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
    expectWhole(folder);
  });

  it.each([1, 100])("a part that is %i bytes longer than the file is begun again", async (more) => {
    const server = await serve();
    const folder = temporaryFolder();
    const sum = createHash("sha256").update(wide(SHARDS[0])).digest("hex").slice(0, 16);
    writeFileSync(join(folder, `.${SHARDS[0]}.${sum}.part`), Buffer.concat([wide(SHARDS[0]), Buffer.alloc(more)]));
    await bring(server, folder);
    expect(rangesOf(server, SHARDS[0])).toEqual([undefined]);
    expectWhole(folder);
  });

  it("leaves 64 MiB of the disk free, and counts what is there already as brought", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "there"), "0123456789");
    const files = [
      { path: "there", size: 10 },
      { path: "missing", size: 1000 },
    ];
    const refused = (free: number, list = files) => refusal(() => requireDiskSpace("some/model", folder, list, free));
    expect(() => requireDiskSpace("some/model", folder, files, 2 ** 26 + 1000)).not.toThrow();
    expect(refused(2 ** 26 + 999)).toBe(
      `${folder}: 0.00000100 GB are missing, but only 0.0671 GB are free. Free some space, or choose another --out.`,
    );
    // Of another size it is brought again.
    expect(refused(2 ** 26 + 1000, [{ path: "there", size: 11 }, files[1]])).toMatch(/are missing/);
    expect(() => requireDiskSpace("some/model", folder, files.slice(0, 1), 0)).not.toThrow();
    const whole = { path: "all", size: 2 ** 38 };
    expect(() => requireDiskSpace("some/model", folder, [whole], 2 ** 50)).not.toThrow();
    expect(refused(2 ** 50, [whole, files[0]])).toMatch(/has 274877906954 bytes, more than the 274877906944 allowed/);
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
    [
      "an index that is none",
      { "model.safetensors.index.json": Buffer.from("[]") },
      /index\.json: must be an object, not \[\]/,
    ],
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
