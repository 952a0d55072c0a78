import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { cudaBuild, makeCudaBundle, stageProject } from "../scripts/bundle/cuda.ts";
import { joinScript } from "../scripts/bundle/join.ts";
import { CHECKSUMS, type Parts, writeParts } from "../scripts/bundle/parts.ts";
import { agreementSummary } from "../scripts/machine/agreement.ts";
import { listing, temporaryFolder } from "./cli/support.ts";

const MIB = 2 ** 20;
const LIMIT = 9 * MIB;

/** Bytes that cannot be compressed, the same every time. */
function noise(count: number): Buffer {
  const blocks = Array.from({ length: count / 32 }, (_, i) => createHash("sha256").update(String(i)).digest());
  return Buffer.concat(blocks);
}

function write(path: string, text: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

describe.skipIf(process.platform !== "linux")("the parts of a bundle (Linux only)", () => {
  let out: string;
  let parts: Parts;
  const large = noise(20 * MIB);

  beforeEach(async () => {
    const folder = temporaryFolder();
    out = temporaryFolder();
    write(join(folder, "stuff/large"), large);
    write(join(folder, "stuff/deep/small"), "text");
    symlinkSync("deep/small", join(folder, "stuff/link"));
    parts = await writeParts(folder, "stuff", out, LIMIT);
    writeFileSync(join(out, "join.sh"), joinScript("stuff", large.length));
  });

  /** Joins with nothing in the environment but the tools of the system. */
  const unpackInto = (target: string) =>
    spawnSync("/bin/sh", [join(out, "join.sh"), target], {
      encoding: "utf8",
      cwd: "/",
      env: { PATH: "/usr/bin:/bin" },
    });

  it("are below the limit, each a gzip file by itself, with their checksums", () => {
    expect(parts.names).toEqual(["stuff.tar.gz.000", "stuff.tar.gz.001", "stuff.tar.gz.002"]);
    const lines = readFileSync(join(out, CHECKSUMS), "utf8").trim().split("\n");
    for (const [i, name] of parts.names.entries()) {
      const bytes = readFileSync(join(out, name));
      expect(bytes.length).toBeLessThanOrEqual(LIMIT);
      expect(gunzipSync(bytes).length).toBeGreaterThan(0);
      expect(lines[i]).toBe(`${createHash("sha256").update(bytes).digest("hex")}  ${name}`);
    }
    expect(parts.bytes).toBe(parts.names.reduce((sum, name) => sum + statSync(join(out, name)).size, 0));
  });

  it("are joined to what was packed, in a folder that need not exist", () => {
    const target = join(temporaryFolder(), "a folder");
    const { status, stdout, stderr } = unpackInto(target);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(`${target}/stuff/run`);
    expect(listing(target)).toEqual(["stuff"]);
    expect(readFileSync(join(target, "stuff/large")).equals(large)).toBe(true);
    expect(readFileSync(join(target, "stuff/link"), "utf8")).toBe("text");
  });

  it("that are damaged or missing are all named, and nothing is unpacked", () => {
    appendFileSync(join(out, parts.names[0]), "x");
    rmSync(join(out, parts.names[2]));
    const target = temporaryFolder();
    const { status, stderr } = unpackInto(target);
    expect(status).toBe(1);
    expect(stderr).toBe("join.sh: copy again: stuff.tar.gz.000 (damaged) stuff.tar.gz.002 (missing)\n");
    expect(listing(target)).toEqual([]);
  });

  it("are not unpacked over something", () => {
    const target = temporaryFolder();
    write(join(target, "stuff/mine"), "mine");
    const { status, stderr } = unpackInto(target);
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringMatching(/exists already.*\n$/) });
    expect(listing(target)).toEqual(["stuff"]);
  });

  it("are not unpacked where the disk is too small, with the numbers", () => {
    writeFileSync(join(out, "join.sh"), joinScript("stuff", 1e18));
    const target = temporaryFolder();
    expect(unpackInto(target).stderr).toMatch(/needs 976562500000000 KB, \d+ KB are free/);
    expect(listing(target)).toEqual([]);
  });

  it("are not made of a folder that tar cannot read", async () => {
    await expect(writeParts(temporaryFolder(), "nothing", out, LIMIT)).rejects.toThrow(
      /tar cannot pack nothing \(.+\)/,
    );
  });
});

/** A project with a build, all of it stand-ins. */
function standIn(withCuda: boolean): string {
  const project = temporaryFolder();
  const elsewhere = temporaryFolder();
  write(join(elsewhere, "cublas/lib/libcublas.so.12"), "library");
  const libraries = join(project, ".native/libtensorflow/tensorflow-2");
  const wheel = { name: "nvidia-x-cu12", version: "1", file: "x.whl", sha256: "0", bytes: 1 };
  write(join(libraries, "libraries.json"), JSON.stringify({ source: "a test", cuda: withCuda, wheels: [wheel] }));
  if (withCuda) symlinkSync(elsewhere, join(libraries, "nvidia"));
  write(join(project, ".native/builds/b-1/setup.json"), JSON.stringify({ libraries: "tensorflow-2" }));
  write(join(project, ".native/builds/b-0/setup.json"), "an older one");
  symlinkSync("builds/b-1", join(project, ".native/active"));
  for (const place of ["src/a.ts", "docs/site/node_modules/x/index.js", "docs/guide.md", "out/large"])
    write(join(project, place), place);
  for (const place of [
    "tsx/dist/loader.mjs",
    "tsx/dist/loader.mjs.map",
    "typescript/lib/a.js",
    "a/src/typescript/b.js",
  ])
    write(join(project, "node_modules", place), place);
  return project;
}

describe("what goes into the CUDA bundle", () => {
  it("is the project with the build in use, found as in the project, and nothing that it does not need", () => {
    const project = standIn(true);
    const inside = join(temporaryFolder(), "project");
    stageProject(project, cudaBuild(join(project, ".native")), inside);
    expect(listing(inside)).toEqual([".native", "docs", "node_modules", "origin.json", "src"]);
    expect(listing(join(inside, "docs"))).toEqual(["guide.md"]);
    expect(listing(join(inside, "node_modules"))).toEqual(["a", "tsx"]);
    expect(listing(join(inside, "node_modules/tsx/dist"))).toEqual(["loader.mjs"]);
    expect(listing(join(inside, ".native/builds"))).toEqual(["b-1"]);
    expect(readFileSync(join(inside, ".native/active/setup.json"), "utf8")).toContain("tensorflow-2");
    // Libraries of the machine, used where they lie, are taken along.
    rmSync(project, { recursive: true });
    const library = join(inside, ".native/libtensorflow/tensorflow-2/nvidia/cublas/lib/libcublas.so.12");
    expect(statSync(library).isFile()).toBe(true);
  });

  it("must be set up with CUDA before", async () => {
    const out = join(temporaryFolder(), "out");
    const make = (project: string) => makeCudaBundle(project, out, () => undefined);
    await expect(make(temporaryFolder())).rejects.toThrow(/not set up\. Run: npm run setup:native -- --cuda/);
    await expect(make(standIn(false))).rejects.toThrow(/a test, has no CUDA\. Run/);
    expect(existsSync(out)).toBe(false);
  });
});

describe("the agreement tests' outcome", () => {
  it("is how many passed, and each failure with its first line", () => {
    const test = (status: string) => ({ status, fullName: `a ${status} test`, failureMessages: ["0.1 > 0.01\n at x"] });
    const report = { numPassedTests: 1, numFailedTests: 1, numPendingTests: 0 };
    expect(
      agreementSummary({ ...report, testResults: [{ assertionResults: [test("passed"), test("failed")] }] }),
    ).toEqual({ passed: 1, failed: 1, skipped: 0, failures: ["a failed test: 0.1 > 0.01"] });
    expect(agreementSummary(undefined)).toBeUndefined();
  });
});
