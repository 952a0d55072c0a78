import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin, type Rollup } from "vite";

const project = fileURLToPath(new URL("../..", import.meta.url));

/** The sources as texts beside the page, which links to them. */
function sources(): Plugin {
  return {
    name: "sources",
    generateBundle() {
      for (const path of readdirSync(`${project}/src`, { recursive: true, encoding: "utf8" }))
        if (path.endsWith(".ts"))
          this.emitFile({
            type: "asset",
            fileName: `sources/src/${path}.txt`,
            source: readFileSync(`${project}/src/${path}`),
          });
      const guide = "docs/write-a-method.md";
      this.emitFile({ type: "asset", fileName: `sources/${guide}.txt`, source: readFileSync(`${project}/${guide}`) });
    },
  };
}

/** `virtual:first-run`: what the page shows before its model has come, computed by the same model under Node. */
function firstRun(): Plugin {
  const name = "virtual:first-run";
  return {
    name: "first-run",
    resolveId: (id) => (id === name ? `\0${name}` : undefined),
    load(id) {
      if (id !== `\0${name}`) return undefined;
      const script = ["--import", "tsx", "scripts/page/first-run.ts"];
      // stderr is shown: the backend says there what it is.
      const json = execFileSync(process.execPath, script, { cwd: project, encoding: "utf8", maxBuffer: 2 ** 26 });
      return `export default JSON.parse(${JSON.stringify(json)});`;
    },
  };
}

/** Comments of packages that the bundler passes over change nothing, and fill screens. */
const onwarn: NonNullable<Rollup.RollupOptions["onwarn"]> = (warning, warn) => {
  if (warning.code !== "INVALID_ANNOTATION") warn(warning);
};

/** The page is a folder of static files that any host takes, below any path. */
export default defineConfig({
  base: "./",
  resolve: {
    // The worker is 1.13 MB so, and 1.86 MB with all of it.
    alias: [{ find: /^@tensorflow\/tfjs$/, replacement: `${project}/docs/page/src/model/tfjs.ts` }],
  },
  plugins: [sources(), firstRun()],
  build: {
    outDir: `${project}/out/page`,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    rollupOptions: { onwarn },
  },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  // The program of the worker is one text: it is fetched once, and started anew from memory where a run is stopped.
  worker: { format: "iife", rollupOptions: { onwarn, output: { inlineDynamicImports: true } } },
});
