import * as tf from "@tensorflow/tfjs";
import type { Slot } from "../core/slots.ts";
import type { TapName } from "../core/tap-points.ts";
import { replace } from "../core/taps.ts";
import { MASKED } from "../model/transformer/sequence.ts";
import { continueFrom } from "../pipeline/continue.ts";
import type { Measure } from "./measure.ts";
import { type Segment, segmentRows } from "./segments.ts";

/** Who no longer sees the visual tokens. */
export const BLOCKED = { vision_vision: "visual", text_vision: "text", last_vision: "last" } as const;

/** A key of {@link BLOCKED}. */
export type Blocking = keyof typeof BLOCKED;

/** In how many parts of the decoder attention is blocked, one at a time. */
export const QUARTERS = 4;

/** Logits at the last token, [V], for each kind of blocking and each quarter of the layers. */
export type BlockedLogits = Readonly<Record<Blocking, readonly Float32Array[]>>;

/**
 * **Attention blocking** (paper, Table 15): in one quarter of the decoder's layers a segment does not see the visual
 * tokens; visual tokens still see themselves. Quarter q are the layers from ⌊qL/4⌋ to before ⌊(q+1)L/4⌋. What a mask
 * blocks gets a weight of exactly 0. `text` is without the last token, where the paper does not say. Selections are
 * those of the pass.
 */
export function attentionBlocking(): Measure<BlockedLogits> {
  return (model, watch) => {
    const statesOf = watch.states();
    const layers = model.tapLayers.llm;
    return async ({ result, slots }) => {
      const states = statesOf();
      const logitsOf = async (segment: Segment, quarter: number) => {
        const [from, to] = [quarter, quarter + 1].map((q) => Math.floor((q * layers) / QUARTERS));
        const masks = Object.fromEntries(
          Array.from({ length: to - from }, (_, i): [TapName, (scores: tf.Tensor) => tf.Tensor] => [
            `llm.${from + i}.attention_scores`,
            (scores) => scores.add(maskOf(slots[from + i], segment)),
          ]),
        );
        const logits = tf.tidy(() => continueFrom(model, result, from, states[from], replace(masks)));
        const values = (await logits.data()) as Float32Array;
        logits.dispose();
        return values;
      };
      const found: Partial<Record<Blocking, Float32Array[]>> = {};
      for (const [name, segment] of Object.entries(BLOCKED) as [Blocking, Segment][]) {
        const quarters: Float32Array[] = [];
        for (let quarter = 0; quarter < QUARTERS; quarter++) quarters.push(await logitsOf(segment, quarter));
        found[name] = quarters;
      }
      return found as BlockedLogits;
    };
  };
}

/** To be added to the scores of a layer: [S, S]. */
function maskOf(slots: readonly Slot[], who: Segment): tf.Tensor2D {
  const rows = segmentRows(slots);
  const values = new Float32Array(slots.length ** 2);
  for (const i of rows[who]) for (const j of rows.visual) if (i !== j) values[i * slots.length + j] = MASKED;
  return tf.tensor2d(values, [slots.length, slots.length]);
}
