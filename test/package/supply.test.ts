import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const read = (name: string) => JSON.parse(readFileSync(`${PROJECT}/${name}`, "utf8"));

describe("what the project takes from others", () => {
  it("has exact versions, each with a checksum and no place to fetch it from but npm's own", () => {
    const { dependencies, optionalDependencies, devDependencies } = read("package.json");
    const asked: Record<string, string> = { ...dependencies, ...optionalDependencies, ...devDependencies };
    expect(Object.entries(asked).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    const { packages } = read("package-lock.json") as { packages: Record<string, Record<string, unknown>> };
    for (const [name, version] of Object.entries(asked))
      expect(packages[`node_modules/${name}`].version, name).toBe(version);
    const others = Object.entries(packages).filter(([path]) => path !== "");
    expect(others.filter(([, { integrity, inBundle }]) => !integrity && !inBundle)).toEqual([]);
    expect(others.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  it("is listed by npm as a bill of materials, native libraries included", () => {
    const { stdout, status } = spawnSync("npm", ["run", "--silent", "sbom"], { cwd: PROJECT, encoding: "utf8" });
    expect(status).toBe(0);
    const { bomFormat, components } = JSON.parse(stdout) as {
      bomFormat: string;
      components: { name: string; version: string; licenses?: unknown }[];
    };
    expect(bomFormat).toBe("CycloneDX");
    const names = components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["@tensorflow/tfjs", "sharp", "@img/sharp-libvips-linux-x64"]));
  });
});
