import * as tf from "@tensorflow/tfjs";
import { UsageError } from "../core/errors.ts";
import { run, tensorsIn } from "../core/readback.ts";
import type { Slot } from "../core/slots.ts";
import type { TapName } from "../core/tap-points.ts";
import { record, replace } from "../core/taps.ts";
import type { Pruning } from "../methods/method.ts";
import type { Vlm } from "../model/vlm.ts";
import { continueFrom } from "../pipeline/continue.ts";
import { type ForwardInputs, forward } from "../pipeline/prefill.ts";
import type { Measure, MeasuredPass } from "./measure.ts";
import { type Segment, segmentRows } from "./segments.ts";

/** Where states of another run are put in. */
export interface PatchingOptions {
  /** The other run: another image, another question, or another method on the same. */
  readonly source: { readonly inputs: ForwardInputs; readonly method: Pruning };
  /** Layers, one at a time; all unless given. */
  readonly layers?: readonly number[];
  /** All visual tokens together unless given; may depend on what the pass kept. */
  readonly positions?: PatchedPositions | ((pass: MeasuredPass) => PatchedPositions);
  /** The outputs of these heads (`llm.*.z`) in place of the state that enters the layer (`llm.*.tokens`). */
  readonly heads?: readonly number[];
  /** The logit that is watched; the greedy next token of the measured run unless given. */
  readonly token?: number;
  /** Told after each pass from a layer on; there is one for each layer and group of positions. */
  readonly passed?: (done: number, total: number) => void;
}

/** Groups of positions, one at a time: a segment, or rows of the sequence that enters layer 0. */
export type PatchedPositions = readonly (Segment | readonly number[])[];

/** What states of another run do to the answer. */
export interface Patching {
  readonly token: number;
  readonly layers: readonly number[];
  /** The token's logit in the measured run and in the other one. */
  readonly own: number;
  readonly source: number;
  /** A row for each layer, a column for each group of positions: the token's logit less `own`. */
  readonly effects: readonly Float32Array[];
  /** The whole logits, [V], of the same. */
  readonly logits: readonly (readonly Float32Array[])[];
}

/**
 * **Activation patching** (Meng et al., "Locating and Editing Factual Associations in GPT", NeurIPS 2022; there "causal
 * tracing"): states of another run take the place of this run's at some positions before one layer, and the pass goes
 * on from there. Positions correspond by what stands there: a visual token to that of the same cell, text to text,
 * counted from the image. Where the other run has nothing of the kind, its own state stays. The selections behind the
 * layer are those of the measured run. With all visual tokens before layer 0 and the same text the logits are the
 * other run's.
 *
 * @throws UsageError when a layer, a head or a position does not exist
 */
export function activationPatching(options: PatchingOptions): Measure<Patching> {
  return (model, watch) => {
    const all = [...new Array(model.tapLayers.llm).keys()];
    const { layers = all, positions = ["visual"], heads, source } = options;
    for (const layer of layers) requireBelow("layer", layer, all.length);
    for (const head of heads ?? []) requireBelow("head", head, model.config.text.numAttentionHeads);
    const statesOf = watch.states();
    return async (pass) => {
      const states = statesOf();
      const groups = typeof positions === "function" ? positions(pass) : positions;
      const { token = pass.token } = options;
      requireBelow("token", token, model.config.text.vocabSize);
      const other = await otherRun(model, source, layers, heads !== undefined);
      try {
        const own = (await pass.result.logits.data())[token];
        const logits: Float32Array[][] = [];
        for (const layer of layers) {
          const row: Float32Array[] = [];
          for (const group of groups) {
            const pairs = pairsOf(pass, other.slots[layer], layer, group);
            const patched = tf.tidy(() =>
              patchedLogits(model, pass, layer, states[layer], other.at(layer), pairs, heads),
            );
            row.push((await patched.data()) as Float32Array);
            patched.dispose();
            options.passed?.(logits.length * groups.length + row.length, layers.length * groups.length);
          }
          logits.push(row);
        }
        const effects = logits.map((row) => Float32Array.from(row, (values) => values[token] - own));
        return { token, layers, own, source: other.logits[token], effects, logits };
      } finally {
        other.dispose();
      }
    };
  };
}

/** What is needed of the other run: states or heads of some layers. */
async function otherRun(
  model: Vlm,
  { inputs, method }: PatchingOptions["source"],
  layers: readonly number[],
  ofHeads: boolean,
) {
  const nameOf = (layer: number): TapName => `llm.${layer}.${ofHeads ? "z" : "tokens"}`;
  const recorder = record(layers.map(nameOf));
  try {
    const result = await run(() => forward(model, inputs, method, recorder.tap));
    const logits = (await result.logits.data()) as Float32Array;
    tf.dispose(tensorsIn(result));
    const slots = result.state.layers.map(({ sequence }) => sequence[0]);
    const at = (layer: number) => recorder.get(nameOf(layer));
    return { logits: logits.slice(), slots, at, dispose: recorder.dispose };
  } catch (error) {
    recorder.dispose();
    throw error;
  }
}

/** Rows of this run and those of the other that correspond to them. */
function pairsOf(
  { slots }: MeasuredPass,
  other: readonly Slot[],
  layer: number,
  group: Segment | readonly number[],
): { own: number; other: number }[] {
  const key = keysOf(slots[layer]);
  const wanted = new Set(wantedKeys(slots, layer, group));
  const rows = new Map(keysOf(other).map((name, row) => [name, row]));
  return key.flatMap((name, own) => {
    const row = rows.get(name);
    return wanted.has(name) && row !== undefined ? [{ own, other: row }] : [];
  });
}

function wantedKeys(slots: MeasuredPass["slots"], layer: number, group: Segment | readonly number[]): string[] {
  if (typeof group === "string") {
    const keys = keysOf(slots[layer]);
    return segmentRows(slots[layer])[group].map((row) => keys[row]);
  }
  const keys = keysOf(slots[0]);
  for (const row of group) requireBelow("position", row, keys.length);
  return group.map((row) => keys[row]);
}

/** What stands at each row, in words that another run has, too. */
function keysOf(slots: readonly Slot[]): string[] {
  const first = slots.findIndex((slot) => slot?.kind === "visual" || slot?.kind === "separator");
  let [before, behind] = [0, 0];
  return slots.map((slot, row) => {
    if (slot === null) return `padding ${row}`;
    if (slot.kind === "text") return row < first ? `before ${before++}` : `behind ${behind++}`;
    if (slot.kind === "separator") return `separator ${slot.line}`;
    return slot.cell < 0 ? `token ${slot.row}` : `cell ${slot.cell}`;
  });
}

function patchedLogits(
  model: Vlm,
  { result }: MeasuredPass,
  layer: number,
  state: tf.Tensor3D,
  other: tf.Tensor,
  pairs: readonly { readonly own: number; readonly other: number }[],
  heads: readonly number[] | undefined,
): tf.Tensor2D {
  if (!heads) return continueFrom(model, result, layer, withRows(state, other, pairs, 1) as tf.Tensor3D);
  const mixed = (z: tf.Tensor) => {
    const patched = withRows(z, other, pairs, 2);
    const chosen = tf.tensor1d([...new Array(z.shape[1]).keys()].map((head) => Number(heads.includes(head))));
    const mask = chosen.reshape([1, -1, 1, 1]);
    return patched.mul(mask).add(z.mul(tf.sub(1, mask)));
  };
  return continueFrom(model, result, layer, state, replace({ [`llm.${layer}.z`]: mixed }));
}

/** A tensor with some rows of another along an axis. */
function withRows(
  own: tf.Tensor,
  other: tf.Tensor,
  pairs: readonly { readonly own: number; readonly other: number }[],
  axis: number,
): tf.Tensor {
  const count = own.shape[axis];
  const rows = [...new Array(count).keys()];
  for (const pair of pairs) rows[pair.own] = count + pair.other;
  return tf.gather(tf.concat([own, other], axis), tf.tensor1d(rows, "int32"), axis);
}

function requireBelow(what: string, value: number, count: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= count)
    throw new UsageError(`patching: ${what} ${value} does not exist; there are 0 to ${count - 1}.`);
}
