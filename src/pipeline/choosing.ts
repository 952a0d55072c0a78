import type * as tf from "@tensorflow/tfjs";
import { type Readback, readback } from "../core/readback.ts";
import type { Tap } from "../core/taps.ts";
import type { Cut, CutSelection, CutView, Method, PatchSelection, PatchView } from "../methods/method.ts";
import {
  project,
  projectProducts,
  queriesAndKeys,
  queriesAndKeysProducts,
  type VisionOutput,
} from "../model/llava/tower.ts";
import type { Model } from "../model/llava/weights.ts";
import { attentionAhead, attentionAheadProducts } from "../model/transformer/decoder.ts";
import { tokenCount } from "../model/transformer/sequence.ts";

import { checkCutSelection, checkPatchSelection, checkWeights } from "./checks.ts";
import { placementOf } from "./decoder.ts";

/** Lets a method look and choose, the same for every method, and counts what it asks the model to compute. */

/** A selection with all products that choosing took, for each image or sample: the method's own and what it asked for. */
export type Counted<Selection> = Selection & { readonly products: readonly number[] };

/** A selection of stage 1 that was looked at, with the values of its weights. */
export type CheckedSelection = Counted<PatchSelection> & { readonly weightValues?: Float32Array };

/** Stage 1: which patches go on. */
export function* choosePatches(
  model: Model,
  seen: VisionOutput,
  { name, selectPatches }: Method,
  tap: Tap,
): Readback<CheckedSelection> {
  let asked = 0;
  const view: PatchView = {
    ...seen,
    heads: model.config.vision.numAttentionHeads,
    project(features) {
      asked += projectProducts(features.shape[1], model.config);
      return project(model, features);
    },
    queriesAndKeys(block) {
      asked += queriesAndKeysProducts(seen.hiddenStates[block].shape[1], model.config.vision);
      return queriesAndKeys(model, seen, block);
    },
  };
  const selection = yield* selectPatches(view, tap);
  checkPatchSelection(name, selection, view);
  const { weights } = selection;
  const weightValues = weights && (yield* readback(weights));
  if (weights && weightValues) checkWeights(name, weightValues, weights.shape);
  const products = selection.cells.map((_, image) => asked + (selection.products?.[image] ?? 0));
  return { ...selection, products, weightValues };
}

/**
 * A cut inside the decoder.
 *
 * @param layer the cut is made before it
 */
export function* chooseCut(
  model: Model,
  method: Method,
  choose: Cut,
  layer: number,
  seen: Omit<CutView, "attentionAhead">,
): Readback<Counted<CutSelection>> {
  let asked = 0;
  const view: CutView = {
    ...seen,
    attentionAhead(): tf.Tensor4D {
      asked++;
      return attentionAhead(model, layer, seen.tokens, placementOf(model, seen.sequence, seen.tokens.shape[1]));
    },
  };
  const selection = yield* choose(view);
  checkCutSelection(method.name, selection, seen.sequence, layer);
  const products = seen.sequence.map(
    (slots, sample) =>
      asked * attentionAheadProducts(tokenCount(slots), model.config.text) + (selection.products?.[sample] ?? 0),
  );
  return { ...selection, products };
}
