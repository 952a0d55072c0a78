import * as tf from "@tensorflow/tfjs";
import { UsageError } from "../core/errors.ts";
import { type Grid, patchCount } from "../core/grid.ts";
import { readback } from "../core/readback.ts";
import type { Sequence, VisualSlot } from "../core/slots.ts";
import { firstCells, type ImageShape } from "../model/image-shape.ts";
import { attentionByRows } from "../model/transformer/attention.ts";
import { lastIndex, MASKED, visualSlots } from "../model/transformer/sequence.ts";
import { prunesAsPublished } from "./budget.ts";
import type { Cut, CutView, Method, MethodDefinition } from "./method.ts";
import { keepEverything } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { keepBest } from "./nuwa/textguided.ts";
import { between } from "./schedule.ts";

/** Parameters of {@link feather}. */
export interface FeatherOptions {
  /** The grids of the image, which are kept at even distances. */
  readonly grids: readonly Grid[];
  /** Before which decoder layers the two cuts are made. One layer: the first cut alone. */
  readonly layers: readonly number[];
  /** Of every how many rows and columns one is kept whatever its score (3). */
  readonly stride?: number;
  /**
   * Whether the cells at even distances are kept at the second cut, too. `false`, as released: there they are cells
   * like any other, although a comment in the code says that they are kept, and nothing is guaranteed behind it about
   * which parts of the image are left. `true`: they stay beside as many of the best.
   */
  readonly gridStays?: boolean;
  /** The released code keeps the ids. Under other policies they are given anew to what is left. */
  readonly positions?: PositionPolicy;
}

/** What the cuts keep by score: of all visual tokens, and of those that entered the layer. */
const SHARES = [0.3, 0.09];

/**
 * FEATHER: two cuts in the decoder by the attention of the last prompt token **without** the rotary positions, which
 * prefer the end of the image; at the first one cells at even distances are kept as well.
 *
 * $$ s_v = \frac{1}{h} \sum_{a=1}^{h} \operatorname{softmax}_{v}(\bar q_a \bar k_a^\top / \sqrt{d})_{\text{last}, v} $$
 *
 * q̄ and k̄ are queries and keys of the layer before the cut before positions turn them, and the softmax is over the
 * visual tokens alone. The first cut keeps the ⌊0.3 N⌋ best and every third row and column, the second the ⌊0.09 n⌋
 * best of the n that are left. There is no budget: 576 tokens in 32 layers average about 208.
 *
 * Source: Endo, Wang and Yeung-Levy, "Feather the Throttle: Revisiting Visual Token Pruning for Vision-Language Model
 * Acceleration", ICCV 2025, arXiv 2412.13180; released code: github.com/markendo/FEATHER, where grids are square.
 *
 * @throws UsageError when the layers are not one or two, ascending, with a layer before each
 */
export function feather(options: FeatherOptions): Method {
  const { layers, positions = "original" } = options;
  if (layers.length < 1 || layers.length > 2 || layers.some((layer, i) => !(layer > (layers[i - 1] ?? 0))))
    throw new UsageError(`FEATHER: layers ${layers.join(", ")} are not one or two in ascending order, from 1.`);
  return {
    name: "feather",
    positions,
    idsAfterCut: "anew",
    selectPatches: keepEverything,
    cuts: new Map(layers.map((layer, i) => [layer, cut(SHARES[i], i === 0 || options.gridStays === true, options)])),
  };
}

/** @param withGrid whether the cells at even distances stay beside the best */
function cut(share: number, withGrid: boolean, { grids, stride = 3 }: FeatherOptions): Cut {
  const even = new Set(withGrid ? cellsAtStride({ grids }, stride) : []);
  return function* (view) {
    const scores = view.tap("stage2.scores", scoresWithoutPositions(view));
    const values = yield* readback(scores);
    const visual = visualSlots(view.sequence);
    const kept = visual.map((slots, sample) => {
      const count = between(1, Math.floor(share * slots.length), slots.length);
      const best = new Set(keepBest(values, view.sequence, count)[sample]);
      return slots.flatMap(({ cell }, rank) => (best.has(rank) || even.has(cell) ? [rank] : []));
    });
    return { keep: kept };
  };
}

/**
 * FEATHER's scores: the attention that the last token of each sample would pay to the visual tokens alone if there were
 * no rotary positions, mean over heads.
 *
 * @returns [B, S]; 0 for what is no visual token
 */
function scoresWithoutPositions({ before, sequence }: Pick<CutView, "before" | "sequence">): tf.Tensor2D {
  if (!before) throw new UsageError("FEATHER: no layer lies before layer 0. Cut before layer 1 or later.");
  return tf.tidy(() => {
    const hidden = tf.tensor2d(sequence.map((slots) => slots.map((slot) => (isVisual(slot) ? 0 : MASKED))));
    const mask = hidden.reshape<tf.Tensor4D>([sequence.length, 1, 1, -1]);
    const rows = attentionByRows({ ...before.unturned(), attention: undefined }, () => mask)(lastRows(sequence));
    // A sample without an image sees nothing, and softmax over nothing is even.
    return rows.squeeze([2]).mean<tf.Tensor2D>(1).mul(hidden.equal(0)); // [B, h, 1, S] → [B, S]
  });
}

const isVisual = (slot: Sequence[number][number]): slot is VisualSlot => slot?.kind === "visual";
const lastRows = (sequence: Sequence) => sequence.map((slots) => [lastIndex(slots)]);

/** Every n-th row and column of each grid, from the first, by the cells of the image. */
export function cellsAtStride({ grids }: Pick<ImageShape, "grids">, stride: number): number[] {
  const starts = firstCells({ grids });
  return grids.flatMap((grid, i) =>
    Array.from({ length: patchCount(grid) }, (_, cell) => cell)
      .filter((cell) => Math.floor(cell / grid.columns) % stride === 0 && (cell % grid.columns) % stride === 0)
      .map((cell) => starts[i] + cell),
  );
}

/** {@link feather} for the registry: cuts at a quarter and a half of the depth, before layers 8 and 16 of 32. */
export const definition: MethodDefinition<undefined> = {
  name: "feather",
  summary: "two cuts by attention without positions, the first with cells at even distances; no budget",
  positions: "original",
  taps: ["stage2.scores", "stage2.indices"],
  publishedOnly: true,
  budget(average, { total }) {
    prunesAsPublished("feather", average, total);
    return undefined;
  },
  create({ average, positions }, { grids, layers, total }) {
    const depths = [1, 2].map((quarters) => Math.max(1, Math.floor((quarters * layers) / 4)));
    const method = feather({ grids, layers: [...new Set(depths)], positions });
    return prunesAsPublished("feather", average, total) ? method : { ...method, cuts: new Map() };
  },
};
