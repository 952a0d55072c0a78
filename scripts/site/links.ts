import { posix } from "node:path";

/** A link or an image of Markdown: where its target begins, and the target as it is written. */
const INLINE = /(\]\()([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)((?: "[^"]*")?\))/g;
/** Targets in raw HTML. */
const HTML = /((?:src|href)=")([^"]+)(")/g;
/** Blocks of code and code in a line, whose brackets are no links. */
const CODE = /^( *)(```+)[^\n]*\n[\s\S]*?^\1\2$|(`+)[^`\n]+\3/gm;

/** What is known of the project when a target is put onto the site. */
export interface Targets {
  /** What a path of the project is; undefined for nothing. */
  readonly kindOf: (path: string) => "page" | "picture" | "text" | "folder" | undefined;
}

/**
 * The links of a document as the site needs them: documents keep their places, README.md is the page of its folder,
 * pictures stay, and every other file or folder has a page with its text or its list of files.
 *
 * @param path of the document in the project
 * @returns the Markdown with its links changed, and the files and folders that need a page
 */
export function siteLinks(
  markdown: string,
  path: string,
  { kindOf }: Targets,
): { readonly markdown: string; readonly needed: readonly string[] } {
  const needed: string[] = [];
  const changed = (target: string) => {
    if (/^([a-z]+:|#)/.test(target)) return target;
    const [file, anchor] = target.split("#");
    const place = posix.join(posix.dirname(path), decodeURIComponent(file)).replace(/\/$/, "");
    const kind = kindOf(place);
    if (kind === undefined) return target;
    if (kind !== "page") needed.push(place);
    // Without a dot a path in raw HTML would be the name of a package to the bundler.
    if (kind === "picture") return target.startsWith(".") ? target : `./${target}`;
    const page = sitePath(kind === "folder" ? `${place}/README.md` : kind === "page" ? place : `${place}.md`);
    const link = posix.relative(posix.dirname(sitePath(path)), page);
    return `${link.startsWith(".") ? link : `./${link}`}${anchor === undefined ? "" : `#${anchor}`}`;
  };
  const inText = (text: string) =>
    [INLINE, HTML].reduce(
      (all, pattern) => all.replace(pattern, (_, before, target, after) => before + changed(target) + after),
      text,
    );
  let [at, out] = [0, ""];
  for (const code of markdown.matchAll(CODE)) {
    out += inText(markdown.slice(at, code.index)) + code[0];
    at = code.index + code[0].length;
  }
  return { markdown: out + inText(markdown.slice(at)), needed };
}

/** Where a document or notebook stands on the site: README.md is the page that its folder opens with. */
export function sitePath(path: string): string {
  return path.replace(/(^|\/)README\.md$/, "$1index.md").replace(/\.ipynb$/, ".md");
}

/** The anchor of a heading as GitHub makes it; the same heading met again gets a number behind it. */
export function githubAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
    .replace(/ /g, "-");
}
