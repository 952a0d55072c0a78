import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const project = fileURLToPath(new URL("../..", import.meta.url));

/** The page is a folder of static files that any host takes, below any path. */
export default defineConfig({
  base: "./",
  build: { outDir: `${project}/out/page`, emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  // The program of the worker is one text: it is fetched once, and started anew from memory where a run is stopped.
  worker: { format: "iife", rollupOptions: { output: { inlineDynamicImports: true } } },
  server: { fs: { allow: [project] } },
});
