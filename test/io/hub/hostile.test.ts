import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { NuwaError } from "../../../src/core/errors.ts";
import { fetchCheckpoint } from "../../../src/io/hub/fetch-checkpoint.ts";
import type { Hub } from "../../../src/io/hub/requests.ts";
import { listing, temporaryFolder } from "../../cli/support.ts";
import { closeServers, expectWhole, serve } from "./support.ts";

afterEach(closeServers);

const watching = { found: () => undefined, bytes: () => undefined, finished: () => undefined };

/** The line in which a fetch is refused, and how often it was tried again; the line is "" where it is not. */
async function bring(host: string, folder: string, more: Partial<Hub> = {}): Promise<{ line: string; pauses: number }> {
  let pauses = 0;
  const pause = async () => {
    pauses++;
  };
  try {
    await fetchCheckpoint({ host, pause, ...more }, "some/model", "main", folder, watching);
    return { line: "", pauses };
  } catch (error) {
    expect(error).toBeInstanceOf(NuwaError);
    const { message } = error as Error;
    expect(message).not.toMatch(/\p{Cc}/u);
    return { line: message, pauses };
  }
}

const oid = "0".repeat(40);
const file = (path: string) => ({ type: "file", path, size: 1, oid });
const IMPATIENT = { silent: 150, whole: 1000, each: 0 };

describe("a server that means harm, or is out of order", () => {
  it("gets no further by giving the beginning again and again", async () => {
    const server = await serve();
    // The first half, then less of it each time from its beginning, and the half again.
    let answers = 0;
    Object.assign(server.behaviour, { noRange: true, drops: 1e9 });
    Object.defineProperty(server.behaviour, "dropAfter", { get: () => (answers++ % 4 < 2 ? 5000 : 100) });
    const { line, pauses } = await bring(server.host, temporaryFolder());
    expect(line).toMatch(/the connection broke at \d+ of \d+ bytes/);
    // config.json and the index are shorter; the shard is tried once with headway and five times without.
    expect(pauses).toBeLessThanOrEqual(6);
  });

  it.each([
    ["before the headers of a file", { silentAfter: 0 }, /broke at 0 of \d+ bytes \(nothing came for 0.15 s\)/],
    [
      "in the middle of a file",
      { silentAfter: 20 },
      /broke at \d+ of \d+ bytes \((nothing came for 0.15 s|it takes too long)\)/,
    ],
  ])("is not waited for when it says nothing %s", async (_, behaviour, message) => {
    const server = await serve();
    Object.assign(server.behaviour, behaviour);
    expect((await bring(server.host, temporaryFolder(), { patience: IMPATIENT })).line).toMatch(message);
  });

  it("is left alone when it takes too long, though something comes", async () => {
    const server = await serve();
    Object.assign(server.behaviour, { dropAfter: 5, drops: 1e9 });
    const patience = { ...IMPATIENT, whole: 300 };
    const pause = () => new Promise<void>((done) => setTimeout(done, 20));
    expect((await bring(server.host, temporaryFolder(), { patience, pause })).line).toMatch(/the connection broke at/);
  });

  it.each([
    ["a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n{}"],
    ["a length that is none", "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}"],
    ["headers without end", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(40_000)}\r\n\r\n{}`],
    ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["chunks that are none", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}"],
    ["no JSON", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n<htm>"],
    ["a redirect to a file", "HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n"],
    ["a redirect to nowhere", "HTTP/1.1 302 Found\r\nlocation: http://\r\ncontent-length: 0\r\n\r\n"],
    ["a redirect without an address", "HTTP/1.1 307 Go\r\ncontent-length: 0\r\n\r\n"],
    ["a redirect with a password", "HTTP/1.1 302 Found\r\nlocation: http://a:b@c/\r\ncontent-length: 0\r\n\r\n"],
    ["a redirect to itself", "HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n"],
    ["a status that is none of HTTP's", "HTTP/1.1 299 \u001b[31m\r\ncontent-length: 0\r\n\r\n"],
  ])("is refused at once when it sends %s", async (_, raw) => {
    const server = await serve();
    server.behaviour.raw = () => raw;
    const folder = join(temporaryFolder(), "new");
    const { line, pauses } = await bring(server.host, folder);
    expect([line, pauses]).toEqual([expect.stringMatching(/^(http:\S+ )?some\/model \(revision main\)/), 0]);
  });

  it("does not get a token that was meant for another host, also when it is led back", async () => {
    const [hub, store] = [await serve(), await serve()];
    hub.behaviour.redirect = store.host;
    store.behaviour.redirect = hub.host;
    const { line } = await bring(hub.host, temporaryFolder(), { token: "secret" });
    expect(line).toMatch(/redirects more than 5 times/);
    expect(store.requests.map(({ authorization }) => authorization).filter(Boolean)).toEqual([]);
    const files = hub.requests.filter(({ path }) => path.includes("/resolve/"));
    expect(files.map(({ authorization }) => authorization)).toEqual(["Bearer secret", undefined, undefined]);
  });

  it.each([
    ["leads out of the folder", [file("../x")], /"\.\.\/x" is no path of a file/],
    ["begins at the root", [file("/etc/passwd")], /is no path of a file/],
    ["has a backslash", [file("a\\\\b")], /is no path of a file/],
    ["has control characters", [file("a\u001b[31m")], /is no path of a file/],
    ["is empty", [file("")], /is no path of a file/],
    ["is there twice", [file("a"), file("a")], /"a" is there twice/],
    ["is one of thousands", Array.from({ length: 3000 }, (_, i) => file(`${i}`)), /more than 2000 files/],
    ["has no size", [{ ...file("config.json"), size: -1 }], /field "0\.size"/],
    ["has no checksum", [{ ...file("config.json"), oid: "x" }], /field "0\.oid"/],
  ])("is refused when a name in its list %s", async (_, list, message) => {
    const server = await serve();
    server.behaviour.list = list;
    const folder = temporaryFolder();
    expect(await bring(server.host, folder)).toEqual({ line: expect.stringMatching(message), pauses: 0 });
    expect(listing(folder)).toEqual([]);
  });

  it.each(["bytes 0-9/10", "bytes 4999-9999/*", "bytes x", "bytes 5000-4000/*", ""])(
    "that answers a range with another (%j) is asked for the whole",
    async (contentRange) => {
      const server = await serve();
      Object.assign(server.behaviour, { dropAfter: 5000, drops: 1, contentRange });
      const folder = temporaryFolder();
      const { line } = await bring(server.host, folder);
      if (contentRange === "bytes 0-9/10") expect(line).toMatch(/the server has 10 of the \d+ bytes/);
      else expectWhole(folder);
    },
  );

  it.each(['"weak"', 'W/"same"', "odd"])("whose file changes meanwhile (%s) is asked for the whole", async (tag) => {
    const server = await serve();
    let version = 0;
    Object.assign(server.behaviour, { dropAfter: 5000, drops: 1, etag: () => tag.replace(/e|o/, `${version++}`) });
    const folder = temporaryFolder();
    expect((await bring(server.host, folder)).line).toBe("");
    expectWhole(folder);
  });
});

describe("a fetch", () => {
  it("takes a mirror that lies below a path, with a slash at the end", async () => {
    const server = await serve();
    Object.assign(server.behaviour, { below: "/hub/mirror", pageSize: 3 });
    const folder = temporaryFolder();
    expect((await bring(`${server.host}/hub/mirror/`, folder)).line).toBe("");
    expectWhole(folder);
    expect(server.requests.every(({ path }) => path.startsWith("/hub/mirror/"))).toBe(true);
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ["a folder", (path) => mkdirSync(path), /config\.json: cannot be written \(it is a folder, not a file\)/],
    ["a link", (path) => symlinkSync(`${path}.other`, path), /config\.json: cannot be written \(it is a link/],
  ])("is refused at once where %s is in the place of a file", async (_, plant, message) => {
    const server = await serve();
    const folder = temporaryFolder();
    plant(join(folder, "config.json"));
    expect(await bring(server.host, folder)).toEqual({ line: expect.stringMatching(message), pauses: 0 });
    expect(server.requests.some(({ path }) => path.endsWith("config.json"))).toBe(false);
  });

  it("does not write through a link that was planted under the name of a part", async () => {
    const server = await serve();
    const folder = temporaryFolder();
    const victim = join(temporaryFolder(), "victim");
    writeFileSync(victim, "precious");
    server.behaviour.dropAfter = 0;
    server.behaviour.drops = 1e9;
    await bring(server.host, folder);
    const part = listing(folder).find((name) => name.endsWith(".part")) as string;
    const planted = temporaryFolder();
    symlinkSync(victim, join(planted, part));
    server.behaviour.drops = 0;
    expect((await bring(server.host, planted)).line).toMatch(/\.part: cannot be written \(it is a link, not a file\)/);
    expect(readFileSync(victim, "utf8")).toBe("precious");
  });

  it("is refused while another one is at work in the folder", async () => {
    const server = await serve();
    const folder = temporaryFolder();
    const both = await Promise.all([bring(server.host, folder), bring(server.host, folder)]);
    expect(both.map(({ line }) => line).filter((line) => line !== "")).toEqual([
      `${folder}: process ${process.pid} is writing there. Wait for its end or give another folder; if it is no ` +
        `longer running, remove ${join(folder, "nuwa.lock")}.`,
    ]);
    expectWhole(folder);
  });

  it("asks for nothing where the name or the revision cannot be", async () => {
    const server = await serve();
    const hub = { host: server.host, pause: async () => undefined };
    for (const [name, revision] of [
      ["model", "main"],
      ["../model", "main"],
      ["some/model", "a b"],
      ["some/model", "../.."],
      ["some/model", ""],
    ])
      await expect(fetchCheckpoint(hub, name, revision, temporaryFolder(), watching)).rejects.toThrow(
        /is not the name/,
      );
    expect(server.requests).toEqual([]);
    // A revision may have a slash: refs/pr/1.
    await expect(fetchCheckpoint(hub, "some/model", "refs/pr/1", temporaryFolder(), watching)).rejects.toThrow(
      /is not on/,
    );
    expect(server.requests.map(({ path }) => path)).toEqual(["/api/models/some/model/revision/refs%2Fpr%2F1"]);
  });
});
