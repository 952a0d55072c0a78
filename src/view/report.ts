import { element, escaped, escapedLines } from "./svg.ts";

/** What a report of a run shows. */
export interface Report {
  readonly title: string;
  /** What was asked, with what, and what came out: a label and a text each. */
  readonly facts: readonly (readonly [label: string, text: string])[];
  readonly sections: readonly ReportSection[];
  /** As it was typed, to make the report again. */
  readonly command: string;
  /** Names and versions of what computed it. */
  readonly versions: Readonly<Record<string, string>>;
}

/** A part of a report under a heading of its own. */
export interface ReportSection {
  readonly heading: string;
  readonly text?: string;
  /** An SVG document. */
  readonly svg?: string;
  readonly table?: { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };
  /** Numbers behind the drawing; shown when the reader opens them. */
  readonly numbers?: unknown;
}

/**
 * A report as one HTML file that opens from disk: drawings and numbers are inside, and its policy allows nothing to be
 * fetched and no script to run.
 */
export function reportHtml({ title, facts, sections, command, versions }: Report): string {
  const rows = (pairs: readonly (readonly [string, string])[]) =>
    pairs.map(([label, text]) => `<tr><th scope="row">${escaped(label)}</th><td>${escaped(text)}</td></tr>`).join("");
  return [
    '<!doctype html>\n<html lang="en">',
    '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    `<title>${escaped(title)}</title><style>${STYLE}</style></head>`,
    `<body><main><h1>${escaped(title)}</h1>`,
    `<table class="facts">${rows(facts)}</table>`,
    ...sections.map(sectionHtml),
    `<section><h2>How this was made</h2><pre>${escapedLines(command)}</pre>`,
    `<table class="facts">${rows(Object.entries(versions))}</table></section>`,
    "</main></body></html>\n",
  ].join("\n");
}

function sectionHtml({ heading, text, svg, table, numbers }: ReportSection): string {
  return [
    `<section><h2>${escaped(heading)}</h2>`,
    text === undefined ? "" : `<p>${escaped(text)}</p>`,
    svg === undefined ? "" : `<figure role="img" aria-label="${escaped(heading)}">${embedded(svg)}</figure>`,
    table === undefined ? "" : tableHtml(table),
    numbers === undefined ? "" : numbersHtml(JSON.stringify(numbers, null, 1)),
    "</section>",
  ].join("\n");
}

/** Each cell knows the head of its column, which stands before it where a screen is too narrow for columns. */
function tableHtml({ head, rows }: NonNullable<ReportSection["table"]>): string {
  const cell = (text: string, column: number) =>
    element("td", { "data-head": head[column] }, `<span>${escaped(text)}</span>`);
  const names = head.map((name) => element("th", {}, escaped(name)));
  return (
    `<div class="wide"><table><thead><tr>${names.join("")}</tr></thead>` +
    `<tbody>${rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("")}</tbody></table></div>`
  );
}

/** Longer JSON makes a page slow, and nobody reads it there. */
const MOST_NUMBERS = 200_000;

function numbersHtml(json: string): string {
  if (json.length > MOST_NUMBERS)
    return `<p>The numbers take ${(json.length / 1e6).toFixed(1)} MB; --out writes them into a file.</p>`;
  return `<details><summary>numbers</summary><pre>${escapedLines(json)}</pre></details>`;
}

/** Pictures and styles are inside the file. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** An SVG document inside HTML: without its declaration. */
function embedded(svg: string): string {
  return svg.replace(/^\s*<\?xml[^>]*\?>/, "");
}

const STYLE = `
body { margin: 0; background: #fff; color: #1b1b1b; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
figure { margin: 0; } figure > svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; } th, td { padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; vertical-align: top; }
.facts th { font-weight: 600; white-space: nowrap; } .facts td { overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
@media (max-width: 600px) {
  .wide thead { display: none; }
  .wide table, .wide tbody, .wide tr { display: block; }
  .wide tr { border-top: 1px solid #bbb; padding: 0.5rem 0; }
  .wide td { display: flex; gap: 0.8rem; padding: 0; }
  .wide td::before { content: attr(data-head); flex: 0 0 40%; color: #555; }
  .wide td span { overflow-wrap: anywhere; min-width: 0; }
}
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f4f4f4; padding: 0.6rem; }
details pre { max-height: 24rem; }
`;
