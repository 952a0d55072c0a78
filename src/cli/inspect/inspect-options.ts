import type { BackendChoice } from "../../backend/select.ts";
import type { Box } from "../../core/boxes.ts";
import { UsageError } from "../../core/errors.ts";
import { shown } from "../../core/schema.ts";
import type { RunOptions } from "../options.ts";

/** What `--measure` takes. */
export const MEASURE_NAMES = [
  "entropy",
  "flow",
  "flow-gradient",
  "logit-lens",
  "blocking",
  "cohesion",
  "norms",
  "patching",
  "positions",
  "answer-attention",
  "provenance",
] as const;

/** One of {@link MEASURE_NAMES}. */
export type MeasureName = (typeof MEASURE_NAMES)[number];

/** Of a measure in `--out`: its numbers, its drawing, and that as pixels. */
export const ENDINGS = ["json", "svg", "png"] as const;

/** The files of some measures in `--out`. */
export function outputNames(measures: readonly string[]): string[] {
  return measures.flatMap((name) => ENDINGS.map((ending) => `${name}.${ending}`));
}

/** Options of `nuwa inspect`. */
export interface InspectOptions extends RunOptions {
  readonly model: string;
  readonly inputs?: string;
  readonly measure: string;
  readonly box?: Box;
  readonly source?: string;
  /** Of provenance: the token's number in the ledger, and the layer before which it is looked at. */
  readonly token?: number;
  readonly layer?: number;
  readonly after?: number;
  readonly out?: string;
  readonly dump?: string;
  readonly report?: string;
}

/** What is told of a run besides its measures. */
export interface InspectedRun {
  readonly backend: BackendChoice;
  /** The command as it was typed. */
  readonly line: string;
  /** Of the image, where one was given. */
  readonly path: string | undefined;
}

/** The names in a comma-separated list. @throws UsageError when one does not exist or is there twice */
export function requireMeasures(list: string): MeasureName[] {
  const names = list.split(",").map((name) => name.trim());
  const known = names.map((name) => {
    const found = MEASURE_NAMES.find((measure) => measure === name);
    if (found === undefined)
      throw new UsageError(`--measure ${shown(name)} does not exist. There are: ${MEASURE_NAMES.join(", ")}.`);
    return found;
  });
  const twice = known.find((name, i) => known.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`--measure names "${twice}" twice. Name each measure once.`);
  return known;
}
