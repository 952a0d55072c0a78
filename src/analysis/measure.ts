import * as tf from "@tensorflow/tfjs";
import { UsageError } from "../core/errors.ts";
import { indexOfLargest } from "../core/ranking.ts";
import { run, tensorsIn } from "../core/readback.ts";
import type { Slot } from "../core/slots.ts";
import type { TapName } from "../core/tap-points.ts";
import { chain, type Recorder, record, type Tap, type Visit } from "../core/taps.ts";
import type { SampleLedger } from "../methods/ledger.ts";
import type { Pruning } from "../methods/method.ts";
import type { EncodedGrid, Vlm } from "../model/vlm.ts";
import { type ForwardInputs, type ForwardResult, forward } from "../pipeline/prefill.ts";

/**
 * Something that is measured while a forward pass of one prompt with one image goes by, pruned or not. Several share a
 * pass, see {@link measure}. It first says what it looks at; what it returns is called when the pass has ended.
 *
 * @typeParam T plain numbers
 */
export type Measure<T> = (model: Vlm, watch: Watch) => (pass: MeasuredPass) => Promise<T>;

/** How a {@link Measure} says what it looks at. */
export interface Watch {
  /**
   * Computes something small of what passes at a point, which is then freed: an attention of a real model is large.
   *
   * @returns after the pass, the values of each time that the point was met
   */
  readonly at: (
    name: TapName,
    reduce: (x: tf.Tensor, visit: Visit) => tf.Tensor,
  ) => () => Promise<readonly Float32Array[]>;
  /**
   * The same of what the encoder shows of the image, grid by grid.
   *
   * @returns after the pass, values for each grid
   */
  readonly atGrids: (
    reduce: (grid: EncodedGrid) => readonly tf.Tensor[],
  ) => () => Promise<readonly (readonly Float32Array[])[]>;
  /**
   * Keeps the states of the decoder.
   *
   * @returns after the pass, state i being what enters layer i, after a cut before it, [1, S, Hd]; state L leaves the
   * last layer
   */
  readonly states: () => () => readonly tf.Tensor3D[];
}

/** A pass that has ended. */
export interface MeasuredPass {
  readonly inputs: ForwardInputs;
  readonly method: Pruning;
  readonly result: ForwardResult;
  readonly ledger: SampleLedger;
  /** For each of the L + 1 states of the decoder what stands where in its sequence. */
  readonly slots: readonly (readonly Slot[])[];
  /** The greedy next token of this pass. */
  readonly token: number;
}

/**
 * Makes one forward pass and measures several things in it. The attention of one layer is held at a time.
 *
 * @example
 * const { flow, entropy } = await measure(model, { pixels, prompts }, method, {
 *   flow: attentionFlow(),
 *   entropy: decoderEntropy(),
 * });
 *
 * @param inputs one prompt with one image
 * @throws UsageError when there is another number of prompts or images
 */
export async function measure<T extends Record<string, unknown>>(
  model: Vlm,
  inputs: ForwardInputs,
  method: Pruning,
  measures: { readonly [K in keyof T]: Measure<T[K]> },
): Promise<T> {
  if (inputs.prompts.length !== 1 || !inputs.pixels) throw new UsageError(ONE_IMAGE);
  const session = watching(model);
  const begun = Object.entries(measures).map(([name, begin]) => [name, begin(model, session.watch)] as const);
  const held: tf.Tensor[] = [];
  try {
    const result = await run(() => forward(session.model(), inputs, method, session.tap()));
    held.push(...tensorsIn(result));
    const [ledger] = result.ledgers;
    if (ledger?.images.length !== 1) throw new UsageError(ONE_IMAGE);
    const logits = (await result.logits.data()) as Float32Array;
    const token = indexOfLargest(logits);
    const layers = result.state.layers.map(({ sequence }) => sequence[0]);
    const pass = { inputs, method, result, ledger, token, slots: [...layers, layers[layers.length - 1]] };
    const found: [string, unknown][] = [];
    // One after the other: the memory of one analysis at a time.
    for (const [name, finish] of begun) found.push([name, await finish(pass)]);
    return Object.fromEntries(found) as T;
  } finally {
    tf.dispose(held);
    session.dispose();
  }
}

const ONE_IMAGE = "an analysis is of one prompt with one image. Call it once for each.";

/** Refuses a tower in which a method merged tokens. @throws UsageError naming the measure */
export function requirePatches(measure: string, { members }: Pick<EncodedGrid, "members">): void {
  if (members !== undefined)
    throw new UsageError(
      `${measure}: the method merges tokens in the tower, so that states have no patches to compare. Leave it out, ` +
        "or take another method.",
    );
}

/** What measures ask for, and the tap and the model that give it to them. */
function watching(model: Vlm) {
  const reductions: { readonly name: TapName; readonly see: (x: tf.Tensor, visit: Visit) => void }[] = [];
  const ofGrids: ((grids: readonly EncodedGrid[]) => void)[] = [];
  const kept: tf.Tensor[] = [];
  const { llm: layers } = model.tapLayers;
  const stateNames: TapName[] = Array.from({ length: layers }, (_, i): TapName => `llm.${i}.tokens`);
  stateNames.push(`llm.${layers - 1}.output`);
  let recorder: Recorder | undefined;
  const keep = (tensor: tf.Tensor) => {
    kept.push(tf.keep(tensor));
    return tensor;
  };
  const valuesOf = async (tensors: readonly tf.Tensor[]) =>
    (await Promise.all(tensors.map((tensor) => tensor.data()))) as Float32Array[];
  const watch: Watch = {
    at(name, reduce) {
      const met: tf.Tensor[] = [];
      reductions.push({ name, see: (x, visit) => met.push(keep(tf.tidy(() => reduce(x, visit)))) });
      return () => valuesOf(met);
    },
    atGrids(reduce) {
      const met: tf.Tensor[][] = [];
      ofGrids.push((grids) => met.push(...grids.map((grid) => tf.tidy(() => [...reduce(grid)]).map(keep))));
      return () => Promise.all(met.map(valuesOf));
    },
    states() {
      const states = record(stateNames);
      recorder ??= states;
      return () => stateNames.map((name) => (recorder as Recorder).get(name) as tf.Tensor3D);
    },
  };
  return {
    watch,
    tap(): Tap {
      const see = <T extends tf.Tensor>(name: TapName, x: T, visit: Visit = {}): T => {
        for (const one of reductions) if (one.name === name) one.see(x, visit);
        return x;
      };
      const names = [...new Set(reductions.map(({ name }) => name))];
      const wanted = new Set(names);
      const seeing = Object.assign(see, { wants: (name: TapName) => wanted.has(name), names });
      return recorder ? chain(seeing, recorder.tap) : seeing;
    },
    model: (): Vlm => ({
      ...model,
      *encode(...input) {
        const encoded = yield* model.encode(...input);
        for (const show of ofGrids) show(encoded[0].grids);
        return encoded;
      },
    }),
    dispose() {
      tf.dispose(kept);
      recorder?.dispose();
    },
  };
}
