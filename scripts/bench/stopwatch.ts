import * as tf from "@tensorflow/tfjs";
import type { TapName } from "../../src/core/tap-points.ts";
import type { Tap } from "../../src/core/taps.ts";
import type { Method } from "../../src/methods/method.ts";

/** The parts of one forward pass, in order. `ledger` is what follows the logits: reading the weights for the record. */
export const PARTS = ["vision tower", "stage 1", "projector", "prefill", "stage 2", "ledger"] as const;

/** Milliseconds of each part. */
export type Times = Record<(typeof PARTS)[number], number>;

/**
 * Takes the times of the parts of a real forward pass at its taps. What a tap shows must
 * exist before the clock is read, so the pass is held there until one value of it has come back: on
 * wasm and on tensorflow without a GPU ops run one by one anyway and this costs some 50 microseconds,
 * on a GPU it is what waits for the work.
 *
 * - Stage 1 begins after `vision.features`, so that the class attention and key norms, which only
 *   pruning needs, are counted with it.
 * - Stage 2 begins where the method's cut is called and ends when the next layer starts: scores,
 *   reading them, choosing, gathering the rest, the new mask and rotary angles.
 * - Prefill is the decoder from splicing to logits, without stage 2.
 */
export class Stopwatch {
  private part: keyof Times = "vision tower";
  private since = 0;
  private readonly times = Object.fromEntries(PARTS.map((part) => [part, 0])) as Times;

  /** The part that is running. */
  get running(): keyof Times {
    return this.part;
  }

  /** Begins the first part. */
  start(): void {
    this.since = performance.now();
  }

  /** Ends the last part. */
  stop(result: tf.Tensor): Times {
    this.switchTo("vision tower", result);
    return this.times;
  }

  readonly tap: Tap = Object.assign(
    <T extends tf.Tensor>(name: TapName, x: T): T => {
      const next = PART_BEGUN_BEHIND[name] ?? (this.part === "stage 2" && isLayerStart(name) && "prefill");
      if (next) this.switchTo(next, x);
      return x;
    },
    { wants: (name: TapName) => name in PART_BEGUN_BEHIND || isLayerStart(name) },
  );

  /** The method with its cuts under the clock. */
  watch(method: Method): Method {
    const cuts = [...method.cuts].map(([layer, choose]): [number, typeof choose] => [
      layer,
      (view) => {
        this.switchTo("stage 2", view.tokens);
        return choose(view);
      },
    ]);
    return { ...method, cuts: new Map(cuts) };
  }

  private switchTo(part: keyof Times, ready: tf.Tensor): void {
    waitFor(ready);
    const now = performance.now();
    this.times[this.part] += now - this.since;
    this.part = part;
    this.since = now;
  }
}

const PART_BEGUN_BEHIND: { readonly [name in TapName]?: keyof Times } = {
  "vision.pixels": "vision tower",
  "vision.features": "stage 1",
  "stage1.tokens": "projector",
  "projector.output": "prefill",
  logits_last: "ledger",
};

function isLayerStart(name: TapName): boolean {
  return /^llm\.\d+\.tokens$/.test(name);
}

/** Returns when a tensor's values exist. One element is read, not all. */
export function waitFor(x: tf.Tensor): void {
  tf.tidy(() => x.flatten().slice(0, 1).dataSync());
}
