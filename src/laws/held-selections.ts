import * as tf from "@tensorflow/tfjs";
import { readback } from "../core/readback.ts";
import type { Cut, CutSelection, Method } from "../methods/method.ts";

/** What a cut decided, as numbers. */
export interface HeldCut {
  readonly keep: CutSelection["keep"];
  readonly counts: readonly number[];
  /** [B][a][S] */
  readonly weights: number[][][] | undefined;
}

/** The method, noting what each of its cuts decides. */
export function noting(method: Method, notes: HeldCut[]): Method {
  const cuts = [...method.cuts].map(([layer, choose]): [number, Cut] => [
    layer,
    function* (view) {
      const selection = yield* choose(view);
      const { keep, added } = selection;
      if (added) yield* readback(added.weights);
      notes.push({ keep, counts: added?.counts ?? [], weights: added?.weights.arraySync() });
      return selection;
    },
  ]);
  return { ...method, cuts: new Map(cuts) };
}

/** The method, deciding as noted, also for longer prompts: what is scored by the last token would change with it. */
export function asNoted(method: Method, notes: readonly HeldCut[]): Method {
  const cuts = [...method.cuts.keys()].map((layer, nth): [number, Cut] => [
    layer,
    function* ({ sequence }) {
      const { keep, counts, weights } = notes[nth];
      if (!weights) return { keep };
      const longer = weights.map((rows) =>
        rows.map((row) => [...row, ...new Array<number>(sequence[0].length - row.length).fill(0)]),
      );
      return { keep, added: { weights: tf.tensor3d(longer), counts } };
    },
  ]);
  return { ...method, cuts: new Map(cuts) };
}
