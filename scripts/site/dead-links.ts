import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";

/** What a page links to and what can be linked to in it. */
interface Page {
  readonly targets: readonly string[];
  readonly anchors: ReadonlySet<string>;
}

/**
 * Links of a built site that lead nowhere, and everything that a page would load from the network.
 *
 * @param folder of the site
 * @returns one line for each, naming page and target; empty when there is none
 */
export function deadLinks(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".html"));
  const pages = new Map(files.map((file) => [file, pageOf(readFileSync(join(folder, file), "utf8"))]));
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const [page, { targets }] of pages) {
    for (const target of targets) {
      // What every page links to, in its side bar, is looked at once.
      const whole = target.startsWith("/")
        ? target
        : `${posix.dirname(page)} ${target} ${/^#|^$/.test(target) && page}`;
      if (seen.has(whole)) continue;
      seen.add(whole);
      const problem = problemWith(folder, page, target, pages);
      if (problem) problems.push(`${page}: ${target}: ${problem}`);
    }
  }
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!/\.(html|css)$/.test(file)) continue;
    const text = readFileSync(join(folder, file), "utf8");
    for (const [, loaded] of text.matchAll(LOADED)) problems.push(`${file}: ${loaded}: is loaded from the network`);
  }
  return problems;
}

/** What a browser loads by itself from another host: scripts, styles, pictures, films, fonts; links are not loaded. */
const LOADED = new RegExp(
  String.raw`(?:<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\ssrc(?:set)?="|<link\b[^>]*\shref="|` +
    String.raw`url\(["']?|@import\s+["'])((?:https?:)?\/\/[^"')]+)`,
  "g",
);

function pageOf(html: string): Page {
  const body = html.replace(/<script\b[\s\S]*?<\/script>/g, "");
  return {
    targets: [...html.matchAll(/<[a-z][^>]*?\s(?:href|src)="([^"]*)"/g)].map(([, target]) =>
      target.replaceAll("&amp;", "&"),
    ),
    anchors: new Set([...body.matchAll(/\s(?:id|name)="([^"]+)"/g)].map(([, anchor]) => anchor)),
  };
}

function problemWith(
  folder: string,
  page: string,
  target: string,
  pages: ReadonlyMap<string, Page>,
): string | undefined {
  if (/^([a-z]+:|\/\/)/.test(target)) return undefined;
  const [path, anchor] = decodeURIComponent(target).split("#");
  let file = path === "" ? page : path.startsWith("/") ? path.slice(1) : posix.join(posix.dirname(page), path);
  if (file === "" || file.endsWith("/")) file += "index.html";
  if (!existsSync(join(folder, file)) || statSync(join(folder, file)).isDirectory()) return "there is no such file";
  if (!anchor) return undefined;
  return pages.get(file)?.anchors.has(anchor) ? undefined : "there is no such heading";
}
