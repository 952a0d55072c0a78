/**
 * Builds the documentation site into `out/site`: the documents, the notebooks, the API reference and, in `play`, the
 * page that one can play with, and checks that no link in it is dead and nothing is loaded from the network. What
 * builds it is a package of its own, `docs/site`, which is installed where it is not there yet.
 *
 * usage: npm run docs; npm run docs:serve shows it
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildPage, PAGE_FOLDER } from "./page/build.ts";
import { deadLinks } from "./site/dead-links.ts";
import { addExamples } from "./site/shown-in.ts";
import { sidebarOf } from "./site/sidebar.ts";
import { stagePages } from "./site/stage.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const site = join(project, "docs/site");
const pages = join(site, "pages");

/** Runs a command of the site's package; ends this process with its status where it fails. */
function inSite(command: string, ...parts: string[]): void {
  const { status } = spawnSync(command, parts, { cwd: site, stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(site, "node_modules"))) inSite("npm", "ci", "--no-audit", "--no-fund");
const documents = stagePages(project, pages);
inSite("npx", "--no-install", "typedoc", "--logLevel", "Warn");
addExamples(pages);
writeFileSync(join(pages, "sidebar.json"), JSON.stringify(sidebarOf(project, documents)));
inSite("npx", "--no-install", "vitepress", "build");
buildPage();
cpSync(PAGE_FOLDER, join(project, "out/site/play"), { recursive: true });
const problems = deadLinks(join(project, "out/site"));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`out/site: ${documents.length} documents and the API reference; no dead link.`);
