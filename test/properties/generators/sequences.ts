import fc from "fast-check";
import type { Sequence, Slot } from "../../../src/core/slots.ts";
import { padded } from "../../../src/model/transformer/sequence.ts";

/** How many tokens of a sample are what. */
export interface Layout {
  readonly before: number;
  readonly visual: number;
  readonly after: number;
}

/** Text, an image, text; position ids count up. Text ids name the index, so that a mix-up shows. */
export function layoutOf({ before, visual, after }: Layout): Slot[] {
  return Array.from({ length: before + visual + after }, (_, index): Slot => {
    const row = index - before;
    return row >= 0 && row < visual
      ? { kind: "visual", image: 0, row, cell: row, position: [index] }
      : { kind: "text", id: 100 + index, position: [index] };
  });
}

/** A batch of prompts of different lengths around images of the same number of visual tokens, padded. */
export const sequences: fc.Arbitrary<{ sequence: Sequence; visual: number; keep: number }> = fc
  .integer({ min: 1, max: 40 })
  .chain((visual) =>
    fc.record({
      visual: fc.constant(visual),
      keep: fc.integer({ min: 1, max: visual }),
      texts: fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 1, max: 6 })), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  )
  .map(({ visual, keep, texts }) => ({
    visual,
    keep,
    sequence: padded(texts.map(([before, after]) => layoutOf({ before, visual, after }))),
  }));
