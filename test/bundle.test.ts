import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { makeBundle } from "../scripts/bundle/contents.ts";
import { dawnFile } from "../src/backend/webgpu/trial.ts";
import { listing, nuwa, temporaryFolder } from "./cli/support.ts";
import { fixturePath } from "./support.ts";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const bundle = join(temporaryFolder(), "bundle");

/** Runs a program of the bundle with an empty environment, in a folder from which no packages can be found. */
function start(program: string, ...options: string[]) {
  const { status, stdout, stderr } = spawnSync(join(bundle, program), options, {
    encoding: "utf8",
    cwd: dirname(bundle),
    // Without a Node in the bundle, the launcher takes the one on PATH.
    env: { PATH: dirname(process.execPath) },
  });
  return { code: status, out: stdout, err: stderr };
}

/** Why none can be made here, if so. */
const absent =
  process.platform !== "linux"
    ? "made only on Linux"
    : dawnFile() === undefined && "the optional package webgpu is not installed";

describe.skipIf(absent)(absent ? `a bundle (left out: ${absent})` : "a bundle", () => {
  beforeAll(async () => {
    await makeBundle(PROJECT, bundle, false, () => undefined);
  });

  it("holds launchers, programs and what is to be known about them", () => {
    expect(listing(bundle)).toEqual([
      "LICENSE",
      "PACKAGES.txt",
      "README.md",
      "app",
      "check",
      "licences",
      "nuwa",
      "times",
    ]);
    expect(readFileSync(join(bundle, "PACKAGES.txt"), "utf8")).toMatch(/^webgpu \d+\.\d+\.\d+, MIT$/m);
    expect(listing(join(bundle, "app/node_modules/webgpu/dist"))).toEqual([`${process.platform}-${process.arch}`]);
  });

  it("has the licence of every package with it, and says how the library under the LGPL is replaced", () => {
    const lines = readFileSync(join(bundle, "PACKAGES.txt"), "utf8").trim().split("\n").slice(1);
    const folders = lines.map((line) => (line.split(",")[0] as string).replace("/", "+"));
    expect(listing(join(bundle, "licences"))).toEqual([...new Set(folders)].sort());
    for (const folder of folders) {
      const texts = listing(join(bundle, "licences", folder)).map((file) =>
        readFileSync(join(bundle, "licences", folder, file), "utf8"),
      );
      expect(texts.join(" ")).toMatch(/copyright|license/i);
    }
    const libvips = folders.find((name) => name.startsWith("@img+sharp-libvips")) as string;
    const replacing = readFileSync(join(bundle, "licences", libvips, "REPLACING.txt"), "utf8");
    const [library] = /app\/\S+libvips\S+/.exec(replacing) as RegExpExecArray;
    expect(existsSync(join(bundle, library))).toBe(true);
    expect(listing(join(bundle, "licences", libvips))).toEqual(
      expect.arrayContaining(["GPL-3.0.txt", "LGPL-3.0.txt", "MPL-1.1.txt", "README.md"]),
    );
  });

  it("names no folder of the machine it was made on", () => {
    const places = listing(join(bundle, "app")).filter((name) => name.endsWith(".js"));
    const naming = places.filter((name) => readFileSync(join(bundle, "app", name), "utf8").includes(PROJECT));
    expect(naming).toEqual([]);
  });

  it("runs nuwa doctor, which finds its checkpoint and does not recommend what needs npm", () => {
    const { code, out, err } = start("nuwa", "doctor");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^wasm +works/m);
    expect(out).toMatch(/^webgpu +\S+/m);
    expect(out).toMatch(/^model +.*bundle\/app\/weights\/\S+ loads/m);
    expect(out).not.toContain("setup:native");
  });

  it("computes what the sources compute, to the bit", async () => {
    const command = (dump: string) => [
      "forward",
      ...["--model", fixturePath("square"), "--inputs", fixturePath("square", "expected.safetensors")],
      ...["--method", "nuwa", "--average", "1/3", "--generate", "4", "--backend", "wasm", "--dump", dump],
    ];
    const folder = temporaryFolder();
    const [fromBundle, fromSources] = ["bundle", "sources"].map((name) => join(folder, `${name}.safetensors`));
    expect(start("nuwa", ...command(fromBundle))).toMatchObject({ code: 0, err: "" });
    expect((await nuwa(...command(fromSources))).code).toBe(0);
    expect(readFileSync(fromBundle).equals(readFileSync(fromSources))).toBe(true);
  });

  it("answers a question about a picture", () => {
    const { code, out, err } = start("nuwa", "ask", join(bundle, "app/docs/images/scene.png"), "Where is the ring?");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^stage 1 +144 → 28/m);
  });

  it("ends with the exit code of the program and one line of error", () => {
    const { code, err } = start("nuwa", "forward");
    expect(code).toBe(2);
    expect(err).toMatch(/^nuwa: .+\n$/);
  });

  it("is not put into a folder that holds something else", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "app"));
    writeFileSync(join(folder, "PACKAGES.txt"), "mine");
    await expect(makeBundle(PROJECT, folder, false, () => undefined)).rejects.toThrow(
      /holds something that is not a bundle/,
    );
    expect(listing(folder)).toEqual(["PACKAGES.txt", "app"]);
  });
});
