import * as tf from "@tensorflow/tfjs";
import { runSync } from "../core/readback.ts";
import type { Sequence, Slot } from "../core/slots.ts";
import { noTap, type Tap } from "../core/taps.ts";
import type { Cut, CutSelection, CutView, LayerBefore, Method, PatchSelection, PatchView } from "../methods/method.ts";
import { towerBlock } from "../model/tower-block.ts";
import { byRows } from "../model/transformer/attention.ts";
import type { Rotation } from "../model/transformer/rope.ts";
import { padded } from "../model/transformer/sequence.ts";

/** What a hand-made tower shows; what a test does not give is constant. */
export interface Shown {
  readonly rows: number;
  readonly columns: number;
  /** One vector a patch. */
  readonly features?: readonly (readonly number[])[];
  readonly clsAttention?: readonly number[];
  /** One vector a token, the class token first; the same in every block. */
  readonly queries?: readonly (readonly number[])[];
  readonly keys?: readonly (readonly number[])[];
  readonly heads?: number;
  readonly project?: PatchView["project"];
  /** Instead of `queries` and `keys`: for each block the patch that every query attends to most. */
  readonly favourites?: readonly number[];
}

/** A view of one image as stage 1 gets it; the projector is the identity unless given. */
export function patchView({ rows, columns, heads = 1, ...shown }: Shown): PatchView {
  const total = rows * columns;
  const features = tensorOf(shown.features ?? Array.from({ length: total }, () => [1]));
  const tokens = Array.from({ length: total + 1 }, () => [1]);
  const scores = tf.tensor2d([[...(shown.clsAttention ?? new Array<number>(total).fill(1))]]);
  return {
    grid: { rows, columns },
    features,
    extraTokens: 0,
    prefixTokens: 1,
    blocks: 3,
    fullAttentionBlocks: [0, 1, 2],
    meanState: () => tf.zeros<tf.Rank.R3>([1, total, features.shape[2]]),
    classFeature: tf.zeros([1, 1, features.shape[2]]),
    featureBlock: 1,
    clsAttention: scores,
    keyNorms: scores,
    members: undefined,
    heads,
    project: shown.project ?? ((x) => x),
    image: { grids: [{ rows, columns }], tiles: [1] },
    share: (count) => count,
    block: (block) =>
      towerBlock({
        queries: tensorOf(shown.queries ?? tokens),
        keys: tensorOf(shown.favourites ? attracting(shown.favourites[block], tokens.length) : (shown.keys ?? tokens)),
        heads,
        prefixTokens: 1,
        onGrid: (patches) => patches,
      }),
  };
}

/** Keys, the class token's first, of which every constant query likes that of one patch best. */
function attracting(patch: number, tokens: number): number[][] {
  return Array.from({ length: tokens }, (_, token) => [token === patch + 1 ? 5 : 0]);
}

function tensorOf(rows: readonly (readonly number[])[]): tf.Tensor3D {
  return tf.tensor2d(rows.map((row) => [...row])).expandDims(0);
}

/** What a method chooses from a view: cells, and the weights as rows of numbers. */
export function chosen(method: Method, shown: Shown): { cells: number[]; weights: number[][] | undefined } {
  return tf.tidy(() => {
    const selection: PatchSelection = runSync(() => method.selectPatches(patchView(shown), noTap));
    return { cells: [...selection.cells[0]], weights: selection.weights?.arraySync()[0] };
  });
}

/** A sequence of one sample: text before, visual tokens, text after. */
export function sequenceOf(before: number, visual: number, after: number): Sequence {
  const text = (id: number): Slot => ({ kind: "text", id: 1, position: [id] });
  const slots: Slot[] = [
    ...Array.from({ length: before }, (_, i) => text(i)),
    ...Array.from(
      { length: visual },
      (_, row): Slot => ({ kind: "visual", image: 0, row, cell: row, position: [before + row] }),
    ),
    ...Array.from({ length: after }, (_, i) => text(before + visual + i)),
  ];
  return padded([slots]);
}

/**
 * What a cut decides on hand-made tokens, one vector each, and attention, rows of queries by keys, of one head. The
 * final norm is the identity, and positions turn nothing.
 */
export function cutOf(
  method: Method,
  layer: number,
  { sequence, tokens, entered = tokens, attention, ahead = attention, before, rotation, tap = noTap }: Seen,
): { keep: number[]; added: number[][]; counts: number[] } {
  return tf.tidy(() => {
    const states = tensorOf(tokens);
    const four = (rows: readonly (readonly number[])[]) => tensorOf(rows).expandDims<tf.Tensor4D>(1);
    const view: CutView = {
      tokens: states,
      sequence,
      entered: { tokens: tensorOf(entered), sequence },
      attention: four(attention),
      attentionRows: byRows(four(attention)),
      attentionAhead: byRows(four(ahead)),
      before: shownBefore(before, tokens.length),
      rotation: () => rotation ?? { cos: tf.ones([1, 1, tokens.length, 2]), sin: tf.zeros([1, 1, tokens.length, 2]) },
      finalNorm: (x) => x,
      tap,
    };
    const { keep, added }: CutSelection = runSync(() => (method.cuts.get(layer) as Cut)(view));
    return { keep: [...keep[0]], added: added?.weights.arraySync()[0] ?? [], counts: [...(added?.counts ?? [])] };
  });
}

/** What a layer is said to have made of its tokens, of one head; what is not given is 1 for all. */
function shownBefore({ queries, keys, values }: NonNullable<Seen["before"]> = {}, tokens: number): LayerBefore {
  const ones = Array.from({ length: tokens }, () => [1]);
  const four = (rows: readonly (readonly number[])[] = ones) => tensorOf(rows).expandDims<tf.Tensor4D>(1);
  return {
    keys: four(keys),
    values: four(values),
    unturned: () => ({ queries: four(queries), keys: four(keys) }),
  };
}

/** What {@link cutOf} shows. */
export interface Seen {
  readonly sequence: Sequence;
  readonly tokens: readonly (readonly number[])[];
  readonly entered?: readonly (readonly number[])[];
  readonly attention: readonly (readonly number[])[];
  readonly ahead?: readonly (readonly number[])[];
  /** One vector a token. */
  readonly before?: Partial<Record<"queries" | "keys" | "values", readonly (readonly number[])[]>>;
  readonly rotation?: Rotation;
  readonly tap?: Tap;
}

/** Attention in which one query pays the given shares and all others nothing. */
export function paidBy(query: number, shares: readonly number[]): number[][] {
  return shares.map((_, i) => (i === query ? [...shares] : shares.map(() => 0)));
}
