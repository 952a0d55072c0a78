import { NuwaError } from "../../core/errors.ts";
import { shown, shownName } from "../../core/schema.ts";
import type { AskedBatch, AskedItem } from "./plan.ts";
import { type Sample, sampleKey } from "./sample.ts";
import type { Setting } from "./settings.ts";

/** What a plan and its model leave possible. */
export interface Possible {
  /** The evaluation's. */
  readonly seed: number;
  /** Decoder layers of the model. */
  readonly layers: number;
  /** Visual tokens of an unpruned image; undefined where that depends on the image. */
  readonly tokens?: number | undefined;
}

/** Characters of the longest answer: answers are truncated after some tokens, of which none has so many. */
const LONGEST_ANSWER = 100_000;

/** No prompt of any model has more. */
const MOST_TOKENS = 2 ** 24;

/**
 * Refuses a journal that holds what was not asked, an answer twice, as two evaluations at once would leave it, a
 * question in other words, or a value that no answer has.
 *
 * @param path of the journal, for the error
 * @throws NuwaError naming the line and the field
 */
export function requireAsked(
  path: string,
  samples: readonly Sample[],
  batches: readonly AskedBatch[],
  settings: readonly Setting[],
  possible: Possible,
): void {
  const open = new Map(
    settings.flatMap((setting) =>
      batches.flatMap(({ number, items }) =>
        items.map((item) => [sampleKey(setting, item), { ...asked(item), batch: number, seed: possible.seed }]),
      ),
    ),
  );
  samples.forEach((sample, i) => {
    const key = sampleKey(sample, sample);
    const wanted = open.get(key);
    if (!wanted)
      throw new NuwaError(
        `${path}: line ${i + 1}: field "id": ${shown(sample.id)} is answered twice ` +
          `or was not asked under ${shown(sample.method)}. Give another --out.`,
      );
    open.delete(key);
    const refuse = (field: string, what: string): never => {
      throw new NuwaError(`${path}: line ${i + 1}: field "${field}": ${what}. ${REMEDY}`);
    };
    const other = (Object.keys(wanted) as (keyof typeof wanted)[]).find((field) => sample[field] !== wanted[field]);
    if (other !== undefined) refuse(other, `is ${shown(sample[other])}, but was asked as ${shown(wanted[other])}`);
    requirePossible(sample, possible, refuse);
  });
}

const REMEDY = "The journal is damaged; evaluate again, in another folder.";

function asked({ task, family, style, split, scene, id, question, expected }: AskedItem): AskedItem {
  return { task, family, style, split, scene, id, question, expected };
}

function requirePossible(
  { answer, correct, iou, centre, marks = {}, tokensEntering, tokensLeaving }: Sample,
  { layers, tokens = MOST_TOKENS }: Possible,
  refuse: (field: string, what: string) => never,
): void {
  if (answer.length > LONGEST_ANSWER) refuse("answer", `has ${answer.length} characters, more than an answer can have`);
  const isShare = (value: number) => value >= 0 && value <= 1;
  if (iou !== null && !isShare(iou)) refuse("iou", `${iou} is no share of an area`);
  if (iou !== null && correct !== iou >= 0.5) refuse("correct", `is ${correct} with an overlap of ${iou}`);
  if ((centre === null) !== (iou === null)) refuse("centre", `is ${centre} with the overlap ${iou}`);
  for (const [name, value] of Object.entries(marks))
    if (!isShare(value)) refuse(`marks.${shownName(name)}`, `${value} is no mark, which lies between 0 and 1`);
  for (const [field, average] of Object.entries({ tokensEntering, tokensLeaving })) {
    if (!(average >= 0 && average <= tokens)) refuse(field, `${average} is not between 0 and ${tokens} tokens`);
    // Layers have whole tokens; an average of them is rounded in its last digits.
    const all = average * layers;
    if (Math.abs(all - Math.round(all)) > 1e-6) refuse(field, `${average} is no average over ${layers} layers`);
  }
}
