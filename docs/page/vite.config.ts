import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

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
    },
  };
}

/** The page is a folder of static files that any host takes, below any path. */
export default defineConfig({
  base: "./",
  plugins: [sources()],
  build: { outDir: `${project}/out/page`, emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  // The program of the worker is one text: it is fetched once, and started anew from memory where a run is stopped.
  worker: { format: "iife", rollupOptions: { output: { inlineDynamicImports: true } } },
});
