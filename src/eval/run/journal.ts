import { isUtf8 } from "node:buffer";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { NuwaError, UsageError } from "../../core/errors.ts";
import { shown, shownName } from "../../core/schema.ts";
import { readBytes, readJson, writeAtomically } from "../../io/files.ts";
import { jsonLines } from "../../io/lines.ts";
import { appendText, cutFile, requireOwnFile } from "../../io/opening.ts";
import { type Sample, sampleSchema } from "./sample.ts";

/** Everything that an evaluation's answers depend on, as plain JSON. */
export type JournalOptions = Readonly<Record<string, unknown>>;

/** The answers of an evaluation on the disk, one JSON line each. */
export interface Journal {
  /** What earlier runs have answered. */
  readonly samples: readonly Sample[];
  /** Adds lines. @throws NuwaError when the disk refuses */
  append(samples: readonly Sample[]): void;
}

/** Half a gigabyte: about a million answers. */
const MOST_BYTES = 2 ** 29;

/**
 * Opens the journal of a folder, or begins one. A last line that a kill left unfinished is removed.
 *
 * @throws UsageError when the folder holds an evaluation with other options
 * @throws NuwaError when its files are damaged
 */
export function openJournal(folder: string, options: JournalOptions): Journal {
  const optionsPath = join(folder, "options.json");
  const path = join(folder, "samples.jsonl");
  requireOwnFile(optionsPath);
  if (existsSync(optionsPath))
    requireSame(optionsPath, readJson(optionsPath, z.record(z.string(), z.unknown())), options);
  else if (existsSync(path))
    throw new UsageError(`${path}: belongs to an evaluation without options.json. Give another --out.`);
  else writeAtomically(optionsPath, `${JSON.stringify(options, null, 2)}\n`);
  // Before the first answer, which may take long.
  requireOwnFile(path, true);
  return {
    samples: readSamples(path, (whole) => cutFile(path, whole)),
    append: (samples) => appendText(path, samples.map((sample) => `${JSON.stringify(sample)}\n`).join("")),
  };
}

function requireSame(path: string, old: JournalOptions, wanted: JournalOptions): void {
  const changed = Object.keys({ ...old, ...wanted }).find(
    (key) => JSON.stringify(old[key]) !== JSON.stringify(wanted[key]),
  );
  if (changed !== undefined)
    throw new UsageError(
      `${path}: the evaluation in this folder has ${shownName(changed)} ${shown(old[changed])}, ` +
        `not ${shown(wanted[changed])}. Give another --out, or the same options to go on.`,
    );
}

/**
 * The answers in a journal.
 *
 * @param unfinished gets the number of bytes in complete lines where the last line is not complete, because its writer
 *   was killed or is still writing
 * @returns none where there is no file
 * @throws NuwaError naming the line that is damaged
 */
export function readSamples(path: string, unfinished: (whole: number) => void): Sample[] {
  if (!existsSync(path)) return [];
  const bytes = readBytes(path, MOST_BYTES);
  const whole = bytes.subarray(0, bytes.lastIndexOf(10) + 1);
  if (!isUtf8(whole)) throw new NuwaError(`${path}: is not UTF-8 text. Remove the folder and begin again.`);
  if (whole.length < bytes.length) unfinished(whole.length);
  return [...jsonLines(path, whole, sampleSchema, DAMAGED)].map(([sample]) => sample);
}

const DAMAGED = "It is damaged or of another version of this program. Evaluate again, in another folder.";
