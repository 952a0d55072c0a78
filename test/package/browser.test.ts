import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const entry = (name: string) => fileURLToPath(new URL(`../../src/${name}.ts`, import.meta.url));

describe.each(["index", "analysis", "laws"])("the entry %s in a browser", (name) => {
  it("bundles without Node's modules, sharp or the command line", async () => {
    const { metafile, errors } = await build({
      entryPoints: [entry(name)],
      bundle: true,
      write: false,
      metafile: true,
      platform: "browser",
      format: "esm",
      logLevel: "silent",
      // What tfjs tries under Node and asks for only there.
      external: ["node-fetch", "util", "crypto", "string_decoder"],
    });
    expect(errors).toEqual([]);
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.some((path) => path.endsWith("src/core/grid.ts"))).toBe(true);
    expect(inputs.filter((path) => /src\/(io|backend\/(?!wasm\/)|cli|view|eval|train|world)\//.test(path))).toEqual([]);
    expect(inputs.filter((path) => /node_modules\/(sharp|commander|linkedom|tsx|@huggingface)\//.test(path))).toEqual(
      [],
    );
    const own = Object.entries(metafile.inputs).filter(
      ([path]) => path.includes("src/") && !path.includes("node_modules"),
    );
    const external = own.flatMap(([, { imports }]) =>
      imports.filter(({ external }) => external).map(({ path }) => path),
    );
    expect(external).toEqual([]);
  });
});
