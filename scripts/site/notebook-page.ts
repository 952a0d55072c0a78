import { UsageError } from "../../src/core/errors.ts";

/** What of Jupyter's format 4 a page shows. */
interface Notebook {
  readonly cells: readonly {
    readonly cell_type: string;
    readonly source: string | readonly string[];
    readonly outputs?: readonly Output[];
  }[];
}

interface Output {
  readonly output_type: string;
  readonly text?: string | readonly string[];
  readonly data?: Readonly<Record<string, string | readonly string[]>>;
}

/** A notebook as a page: its Markdown, and the pictures that lie beside it, by file name. */
export interface NotebookPage {
  readonly markdown: string;
  readonly pictures: ReadonlyMap<string, Uint8Array>;
}

/**
 * A committed notebook as Markdown: its text, its code, what the code printed, and its pictures.
 *
 * @param name of the notebook, which its pictures are called by
 * @param text the `.ipynb`
 * @throws UsageError naming the notebook and an output of a kind that cannot be shown
 */
export function notebookPage(name: string, text: string): NotebookPage {
  const { cells } = JSON.parse(text) as Notebook;
  const pictures = new Map<string, Uint8Array>();
  const shownOutput = ({ text: printed, data = {} }: Output, cell: number): string => {
    if (printed !== undefined) return fenced("text", joined(printed));
    const alternative = joined(data["text/plain"] ?? "").replace(/[[\]\n]/g, " ");
    const [png, svg] = [data["image/png"], data["image/svg+xml"]];
    if (png === undefined && svg === undefined)
      throw new UsageError(`${name}.ipynb, cell ${cell}: only text, PNG and SVG can be shown. Change what it prints.`);
    const file = `${name}-${pictures.size + 1}.${png === undefined ? "svg" : "png"}`;
    pictures.set(file, png === undefined ? new TextEncoder().encode(joined(svg)) : Buffer.from(joined(png), "base64"));
    return `![${alternative}](./${file})`;
  };
  const parts = cells.flatMap(({ cell_type, source, outputs = [] }, cell) => [
    cell_type === "code" ? fenced("ts", joined(source)) : joined(source),
    ...outputs.map((output) => shownOutput(output, cell)),
  ]);
  return { markdown: `${parts.join("\n\n")}\n`, pictures };
}

const joined = (text: string | readonly string[]) => (typeof text === "string" ? text : text.join(""));

/** A block of code, between more backticks than the text holds. */
export function fenced(language: string, text: string): string {
  const ticks = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length)) + 1;
  return `${"`".repeat(ticks)}${language}\n${text.replace(/\n$/, "")}\n${"`".repeat(ticks)}`;
}
