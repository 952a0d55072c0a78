import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Cell } from "./cells.ts";

/** A printed line that represents a picture, as `picture` of notebooks/picture.ts prints it. */
const PICTURE = /^!\[(.*)\]\((.+\.png)\)$/;

/**
 * A notebook in Jupyter's format 4.5, with outputs.
 *
 * @param outputs what each cell printed
 * @param folder of the pictures that were printed about
 * @see https://nbformat.readthedocs.io/en/latest/format_description.html
 */
export function ipynb(cells: readonly Cell[], outputs: readonly string[], folder: string): string {
  let executed = 0;
  const notebook = {
    cells: cells.map(({ kind, source }, i) => ({
      cell_type: kind,
      id: `cell-${i}`,
      metadata: {},
      source: linesOf(source),
      ...(kind === "code" ? { execution_count: ++executed, outputs: outputCells(outputs[i], folder) } : {}),
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

/** The code and text of a notebook file, to compare with its source. */
export function sourcesIn(text: string): Cell[] {
  const { cells } = JSON.parse(text) as { cells: { cell_type: Cell["kind"]; source: string[] }[] };
  return cells.map(({ cell_type, source }) => ({ kind: cell_type, source: source.join("") }));
}

function outputCells(printed: string, folder: string): object[] {
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
    const data = {
      "image/png": readFileSync(join(folder, path)).toString("base64"),
      "text/plain": [title],
    };
    parts.push({ output_type: "display_data", data, metadata: {} });
  }
  flush();
  return parts;
}

function linesOf(text: string): string[] {
  return text.split(/(?<=\n)/);
}
