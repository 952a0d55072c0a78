import type { Sequence } from "../core/slots.ts";
import { openLedger, type SampleLedger } from "../methods/ledger.ts";
import type { SelectedImage } from "./apply.ts";
import type { AppliedCut } from "./cutting.ts";
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
export function keepLedgers(
  prompts: readonly SegmentedPrompt[],
  images: readonly SelectedImage[],
  { entered, sequences, cuts }: Passed,
): (SampleLedger | undefined)[] {
  return prompts.map((prompt, sample) => {
    const own = imagesOfPrompt(prompt).map((image) => images[image]);
    if (own.length === 0) return undefined;
    const sources = {
      images: own.map(({ shape }) => shape),
      pillars: own.flatMap(({ pillars }) => pillars),
      weights: own.flatMap(({ weights }) => weights),
      added: cuts.flatMap(({ made }) => made[sample].map(({ parts }) => parts)),
    };
    return openLedger(sources, entered, sequences, sample);
  });
}
