import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { download } from "../../../src/io/hub/download.ts";
import { openRepository } from "../../../src/io/hub/repository.ts";
import { type Hub, insist, request, TRIES } from "../../../src/io/hub/requests.ts";
import { temporaryFolder } from "../../cli/support.ts";
import { refusalOf } from "../scratch.ts";

afterEach(() => void vi.unstubAllGlobals());

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const hubWith = (more: Partial<Hub> = {}): Hub => ({ host: "https://hub", pause: async () => undefined, ...more });

/** An answer that comes in pieces, 100 ms between them, until it is given up. */
function slowly(text: string, { signal }: { signal: AbortSignal }, pieces = 6): Response {
  const bytes = Buffer.from(text.padEnd(pieces));
  const size = Math.ceil(bytes.length / pieces);
  let at = 0;
  const body = new ReadableStream({
    async pull(controller) {
      await new Promise((done) => setTimeout(done, 100));
      signal.throwIfAborted();
      controller.enqueue(bytes.subarray(at, at + size));
      at += size;
      if (at >= bytes.length) controller.close();
    },
  });
  return new Response(body);
}

describe("a server that is slow, but not silent", () => {
  const patient = hubWith({ patience: { silent: 350, whole: 60_000, each: 0 } });

  it("is heard out where it sends a file", async () => {
    vi.stubGlobal("fetch", async (_: URL, how: { signal: AbortSignal }) => slowly("abcdef", how));
    // Of "blob 6\0abcdef", as git hash-object has it.
    const checksum = { kind: "git-sha1", value: "d96dc95707c20a371b14928ee42071f00e00b645" } as const;
    const folder = temporaryFolder();
    const repository = { name: "some/model", commit: COMMIT, files: new Map() };
    await download(patient, repository, { path: "file", size: 6, checksum }, folder, () => undefined);
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("abcdef");
  });

  it("is heard out where it lists files", async () => {
    vi.stubGlobal("fetch", async (url: URL, how: { signal: AbortSignal }) =>
      slowly(url.pathname.includes("/tree/") ? "[]" : `{"sha":"${COMMIT}"}`, how),
    );
    expect((await openRepository(patient, "some/model", "main")).commit).toBe(COMMIT);
  });
});

it.each([
  ["https://hub", "http://hub/x", "refused"],
  ["https://hub", "https://other/x", "followed"],
  ["http://hub", "http://other/x", "followed"],
  ["http://hub", "https://other/x", "followed"],
  ["http://hub", "ftp://other/x", "refused"],
])("a redirect from %s to %s is %s", async (host, location, what) => {
  vi.stubGlobal("fetch", async ({ origin }: URL) =>
    origin === host ? new Response(null, { status: 302, headers: { location } }) : new Response("there"),
  );
  const text = request(hubWith({ host }), "/file", "file", {}, Date.now() + 60_000, (response) => response.text());
  if (what === "followed") expect(await text).toBe("there");
  else
    expect(await refusalOf(text)).toBe(
      `file: ${host} redirects to "${location}", which is not followed. Check the host.`,
    );
});

it("five redirects are followed, and no sixth", async () => {
  const asked = (redirects: number) => {
    vi.stubGlobal("fetch", async () =>
      redirects-- > 0 ? new Response(null, { status: 307, headers: { location: "/on" } }) : new Response("there"),
    );
    return request(hubWith(), "/file", "file", {}, Date.now() + 60_000, (response) => response.text());
  };
  expect(await asked(5)).toBe("there");
  expect(await refusalOf(asked(6))).toBe("file: https://hub redirects more than 5 times. Check the host.");
});

describe("work that fails", () => {
  const attempt = { what: "file", bytes: 10, failed: (problem: string) => `file: ${problem}` };

  async function tries(more: object, whole: number): Promise<number> {
    let count = 0;
    const once = () => Promise.reject(new Error(`try ${++count}`));
    const hub = hubWith({ patience: { silent: 1000, whole, each: 0 } });
    expect(await refusalOf(insist(hub, { ...attempt, ...more, once }))).toBe(`file: try ${count}`);
    return count;
  }

  it("is tried five times, more often where it gets further, and once where its time is over", async () => {
    expect(await tries({}, 60_000)).toBe(TRIES);
    const reached = [0, 1, 2, 2, 1, 2];
    expect(await tries({ furthest: () => reached.shift() ?? 2 }, 60_000)).toBe(TRIES + 1);
    expect(await tries({}, 0)).toBe(1);
  });
});
