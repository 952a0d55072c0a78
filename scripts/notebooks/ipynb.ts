import type { Cell } from "./cells.ts";

/** A printed line that represents a picture, as `picture` of notebooks/picture.mjs prints it. */
const PICTURE = /^!\[(.*)\]\((.+\.png)\)$/;

/**
 * A notebook in Jupyter's format 4.5, with outputs.
 *
 * @param outputs what each cell printed
 * @param drawn the bytes of a picture that was printed about, by its path
 * @see https://nbformat.readthedocs.io/en/latest/format_description.html
 */
export function ipynb(cells: readonly Cell[], outputs: readonly string[], drawn: (path: string) => Buffer): string {
  let executed = 0;
  const notebook = {
    cells: cells.map(({ kind, source }, i) => ({
      cell_type: kind,
      id: `cell-${i}`,
      metadata: {},
      source: linesOf(source),
      ...(kind === "code" ? { execution_count: ++executed, outputs: outputCells(outputs[i], drawn) } : {}),
    })),
    metadata: {
      kernelspec: { display_name: "TypeScript", language: "typescript", name: "tslab" },
      language_info: { name: "typescript", file_extension: ".ts", mimetype: "text/typescript" },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
  return `${JSON.stringify(notebook, null, 1)}\n`;
}

/** What is read of a notebook file. */
interface Ipynb {
  readonly cells: readonly {
    readonly cell_type: Cell["kind"];
    readonly source: readonly string[];
    readonly outputs?: readonly {
      readonly text?: readonly string[];
      readonly data?: { readonly "text/plain": readonly string[] };
      readonly metadata?: { readonly path?: string };
    }[];
  }[];
}

/** The code and text of a notebook file, to compare with its source. */
export function sourcesIn(text: string): Cell[] {
  const { cells } = JSON.parse(text) as Ipynb;
  return cells.map(({ cell_type, source }) => ({ kind: cell_type, source: source.join("") }));
}

/** What each cell of a notebook file printed, as {@link ipynb} was given it. */
export function printedIn(text: string): string[] {
  const { cells } = JSON.parse(text) as Ipynb;
  return cells.map(({ outputs = [] }) =>
    outputs
      .map(({ text = [], data, metadata }) =>
        data ? `![${data["text/plain"].join("")}](${metadata?.path})\n` : text.join(""),
      )
      .join("")
      .trimEnd(),
  );
}

function outputCells(printed: string, drawn: (path: string) => Buffer): object[] {
  const parts: object[] = [];
  let text: string[] = [];
  const flush = () => {
    if (text.some((line) => line.trim()))
      parts.push({ output_type: "stream", name: "stdout", text: linesOf(`${text.join("\n")}\n`) });
    text = [];
  };
  for (const line of printed ? printed.split("\n") : []) {
    const picture = PICTURE.exec(line);
    if (!picture) {
      text.push(line);
      continue;
    }
    flush();
    const [, title, path] = picture;
    const data = { "image/png": drawn(path).toString("base64"), "text/plain": [title] };
    parts.push({ output_type: "display_data", data, metadata: { path } });
  }
  flush();
  return parts;
}

function linesOf(text: string): string[] {
  return text.split(/(?<=\n)/);
}
