import { afterEach, describe, expect, it, vi } from "vitest";
import { retryLine, terminalFetch } from "../../src/cli/fetch.ts";
import { fetchCheckpoint } from "../../src/io/hub/fetch-checkpoint.ts";
import { COMMIT } from "../io/hub/server.ts";
import { closeServers, expectWhole, serve } from "../io/hub/support.ts";
import { nuwa, temporaryFolder } from "./support.ts";

afterEach(async () => {
  vi.unstubAllEnvs();
  await closeServers();
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

  it("says when it tries again: what, why and after how long", async () => {
    const server = await serve();
    Object.assign(server.behaviour, { status: 503, statusTimes: 1, dropAfter: 5000, drops: 1 });
    const folder = temporaryFolder();
    const { code, err } = await nuwa("fetch", "some/model", "--mirror", server.host, "--out", folder);
    expect(code).toBe(0);
    const lines = err.split("\n").filter((line) => line.includes("retrying"));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe("some/model (revision main): retrying in 1 s (the server says 503)");
    expect(lines[1]).toMatch(
      /^some\/model: \S+: retrying in 1 s \(the connection broke at 5000 of \d+ bytes: [^)]+\)$/,
    );
    expectWhole(folder);
  });

  it("wipes the line that is written over before it says so on a terminal", () => {
    expect(retryLine({ isTTY: true, write: () => undefined }, 2000, "some/model: a", "odd\u0007")).toBe(
      "\r\u001b[Ksome/model: a: retrying in 2 s (odd\\x07)\n",
    );
  });

  it.each([
    [["../etc"], /"\.\.\/etc" is not the name of a repository/],
    [["a/b/c"], /not the name of a repository/],
    [["model"], /not the name of a repository, OWNER\/NAME/],
    [["a b/c"], /not the name of a repository/],
    [["some/model", "--revision", "a..b"], /revision "a\.\.b" is not the name of a branch/],
    [["some/model", "--mirror", "https://:secret@x"], /is not an address/],
    [["some/model", "--mirror", "ftp://x"], /--mirror "ftp:\/\/x" is not an address/],
    [["some/model", "--mirror", "https://x/?y"], /is not an address/],
    [["some/model", "--mirror", "https://x/#y"], /is not an address/],
    [["some/model", "--mirror", "https://y@x"], /is not an address/],
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
