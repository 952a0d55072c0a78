import { type Readback, readback } from "../core/readback.ts";
import type { Sequence } from "../core/slots.ts";
import { type AddedToken, openLedger, type SampleLedger } from "../methods/ledger.ts";
import type { AppliedCut, SelectedImage } from "./apply.ts";
import { imagesOfPrompt, type SegmentedPrompt } from "./prompts.ts";

/** What passed through the decoder. */
export interface Passed {
  /** What entered it. */
  readonly entered: Sequence;
  /** What entered each of its layers. */
  readonly sequences: readonly Sequence[];
  readonly cuts: readonly AppliedCut[];
}

/** For each sample with images the record of its visual tokens, else undefined. */
export function* keepLedgers(
  prompts: readonly SegmentedPrompt[],
  images: readonly SelectedImage[],
  { entered, sequences, cuts }: Passed,
): Readback<(SampleLedger | undefined)[]> {
  const added: AddedToken[][] = prompts.map(() => []);
  for (const cut of cuts) {
    if (!cut.weights) continue;
    const values = yield* readback(cut.weights);
    madeTokens(cut, values, cut.weights.shape).forEach((tokens, sample) => {
      added[sample].push(...tokens);
    });
  }
  return prompts.map((prompt, sample) => {
    const own = imagesOfPrompt(prompt).map((image) => images[image]);
    if (own.length === 0) return undefined;
    const sources = {
      images: own.map(({ shape }) => shape),
      pillars: own.flatMap(({ pillars }) => pillars),
      weights: own.flatMap(({ weights }) => weights),
      added: added[sample],
    };
    return openLedger(sources, entered, sequences, sample);
  });
}

/**
 * What the new tokens of a cut are made of, for each sample.
 *
 * @param values weights, [B][A][S] row-major, as read out
 */
function madeTokens(
  { made, before }: AppliedCut,
  values: Float32Array,
  [, most, length]: readonly number[],
): AddedToken[][] {
  return made.map((tokens, sample) =>
    tokens.map(({ index }) => {
      const own = values.subarray((sample * most + index) * length, (sample * most + index + 1) * length);
      return before[sample].flatMap((slot, at) =>
        slot?.kind === "visual" && own[at] !== 0 ? [{ row: slot.row, weight: own[at] }] : [],
      );
    }),
  );
}
