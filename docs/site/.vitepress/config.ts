import { readFileSync } from "node:fs";
import { defineConfig } from "vitepress";
import { githubAnchor } from "../../../scripts/site/links.ts";

const sidebar = JSON.parse(readFileSync(new URL("../pages/sidebar.json", import.meta.url), "utf8"));

/** The pages are put into `pages/` by scripts/site.ts, which also checks the built site. */
export default defineConfig({
  title: "Nüwa",
  description: "A reference implementation of Nüwa: two-stage visual token pruning for vision-language models",
  lang: "en",
  // A formula or a line of code wider than the page is moved inside its own box; MathJax writes the formula's width
  // into its box as the least.
  head: [
    ["style", {}, "mjx-container { overflow-x: auto; min-width: 0 !important; } .vp-doc pre { overflow-x: auto; }"],
  ],
  srcDir: "pages",
  outDir: "../../out/site",
  // Formulas become SVG when the site is built; anchors are those that GitHub makes, which the documents link to.
  markdown: { math: true, anchor: { slugify: githubAnchor } },
  themeConfig: {
    sidebar,
    outline: [2, 3],
    nav: [
      { text: "Guide", link: "/docs/guide" },
      { text: "Paper and code", link: "/docs/paper-and-code" },
      { text: "Notebooks", link: "/notebooks/" },
      { text: "API", link: "/api/" },
      // A page of its own beside those that VitePress makes: its router does not know it.
      { text: "Play", link: "/play/index.html", target: "_self" },
    ],
    search: { provider: "local" },
  },
});
