/** A piece of a literate TypeScript file: text, or code between texts. */
export interface Cell {
  readonly kind: "markdown" | "code";
  readonly source: string;
}

/**
 * Cuts a literate file into cells. A block comment that opens with a line of its own at the left margin
 * is text; everything between is code. Comments of one line stay with the code that they explain.
 */
export function cellsOf(source: string): Cell[] {
  const cells: Cell[] = [];
  let rest = source;
  for (;;) {
    const comment = /^\/\*\*\n([\s\S]*?)^ \*\/\n/m.exec(rest);
    const code = (comment ? rest.slice(0, comment.index) : rest).trim();
    if (code) cells.push({ kind: "code", source: code });
    if (!comment) return cells;
    cells.push({ kind: "markdown", source: comment[1].replaceAll(/^ \* ?/gm, "").trim() });
    rest = rest.slice(comment.index + comment[0].length);
  }
}

/**
 * The cells as Jupyter runs them: its kernel, tslab, takes no imports of `.ts` files, so that the entry points come
 * from the built package instead.
 */
export function forJupyter(cells: readonly Cell[]): Cell[] {
  return cells.map(({ kind, source }) => ({
    kind,
    source: kind === "code" ? source.replaceAll(/from "([./]+)\/src\/([a-z]+)\.ts"/g, 'from "$1/dist/$2"') : source,
  }));
}

/** Precedes, in a run's output, what a cell printed. */
const mark = (cell: number) => `\u0001cell ${cell}`;

/** The code of a notebook with marks, so that its output can be split cell by cell. */
export function markedSource(cells: readonly Cell[]): string {
  return cells
    .flatMap(({ kind, source }, i) =>
      kind === "code" ? [`process.stdout.write(${JSON.stringify(`${mark(i)}\n`)});\n${source}\n`] : [],
    )
    .join("\n");
}

/** What each cell printed, by its index. */
export function outputsOf(cells: readonly Cell[], printed: string): string[] {
  return cells.map((_, i) => {
    const from = printed.indexOf(`${mark(i)}\n`);
    if (from < 0) return "";
    const text = printed.slice(from + mark(i).length + 1);
    const end = text.indexOf("\u0001cell ");
    return (end < 0 ? text : text.slice(0, end)).replace(/^\n+|\s+$/g, "");
  });
}
