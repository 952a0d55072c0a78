import { join } from "node:path";
import { writeAtomically } from "../../io/files.ts";
import { requireOwnFile } from "../../io/opening.ts";
import { writeSafetensors } from "../../io/safetensors.ts";
import { renderPng } from "../../view/drawing/png.ts";
import type { MeasureRecord } from "../../view/measures/record.ts";
import { reportHtml } from "../../view/report.ts";
import { versionsWith } from "../report.ts";
import { ENDINGS, type InspectedRun, type InspectOptions, outputNames } from "./inspect-options.ts";
import type { Asked } from "./subject.ts";

/** Refuses a folder in which the files of some measures could not be written. @throws NuwaError */
export function requireOutputs(folder: string, names: readonly string[]): void {
  for (const name of outputNames(names)) requireOwnFile(join(folder, name));
}

/**
 * Writes what `--dump`, `--out` and `--report` ask for.
 *
 * @returns what was written, in words
 */
export async function writeInspection(
  options: InspectOptions,
  found: Readonly<Record<string, MeasureRecord>>,
  asked: Asked | undefined,
  answer: string | undefined,
  run: InspectedRun,
): Promise<string[]> {
  const written: string[] = [];
  const records = Object.entries(found);
  // All is drawn before anything is written: where a drawing fails there remains nothing of half a run.
  const drawings = new Map<string, { readonly svg: string; readonly png: Uint8Array | undefined }>();
  if (options.out !== undefined || options.report !== undefined)
    for (const [name, { figure }] of records) {
      const svg = await figure.svg();
      drawings.set(name, { svg, png: options.out === undefined ? undefined : await renderPng(svg) });
    }
  if (options.dump !== undefined) {
    writeSafetensors(
      options.dump,
      records.flatMap(([, { entries }]) => [...entries]),
    );
    written.push(options.dump);
  }
  const facts = {
    image: run.path,
    question: asked?.question,
    answer,
    inputs: options.inputs,
    model: options.model,
    method: [options.method, options.variant, options.average && `average ${options.average}`]
      .filter(Boolean)
      .join(", "),
  };
  if (options.out !== undefined) {
    for (const [name, { json }] of records) {
      const [numbers, drawing, picture] = ENDINGS.map((ending) => join(options.out as string, `${name}.${ending}`));
      const { svg, png } = drawings.get(name) as { svg: string; png: Uint8Array };
      writeAtomically(numbers, `${JSON.stringify({ ...facts, measure: name, found: json }, null, 2)}\n`);
      writeAtomically(drawing, svg);
      writeAtomically(picture, png);
      written.push(numbers, drawing, picture);
    }
  }
  if (options.report !== undefined) {
    const html = reportHtml({
      title: `nuwa inspect: ${records.map(([name]) => name).join(", ")}`,
      facts: Object.entries(facts).flatMap(([label, text]) => (text ? [[label, text] as const] : [])),
      sections: records.map(([name, { figure, json }]) => ({
        heading: figure.title,
        text: figure.caption,
        svg: drawings.get(name)?.svg,
        numbers: json,
      })),
      command: run.line,
      versions: versionsWith(`${run.backend.name} (${run.backend.reason})`),
    });
    writeAtomically(options.report, html);
    written.push(options.report);
  }
  return written;
}
