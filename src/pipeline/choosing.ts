import { type Readback, readback } from "../core/readback.ts";
import type { Tap } from "../core/taps.ts";
import type { Cut, CutSelection, CutView, Method, PatchSelection, PatchView } from "../methods/method.ts";
import { project, queriesAndKeys, type VisionOutput } from "../model/llava/tower.ts";
import type { Model } from "../model/llava/weights.ts";
import { attentionAhead } from "../model/transformer/decoder.ts";
import { checkCutSelection, checkPatchSelection, checkWeights } from "./checks.ts";
import { placementOf } from "./decoder.ts";

/** Lets a method look and choose, the same for every method, and looks at what it chose. */

/** A selection of stage 1 that was looked at, with the values of its weights. */
export type CheckedSelection = PatchSelection & { readonly weightValues?: Float32Array };

/** Stage 1: which patches go on. */
export function* choosePatches(
  model: Model,
  seen: VisionOutput,
  { name, selectPatches }: Method,
  tap: Tap,
): Readback<CheckedSelection> {
  const view: PatchView = {
    ...seen,
    heads: model.config.vision.numAttentionHeads,
    project: (features) => project(model, features),
    queriesAndKeys: (block) => queriesAndKeys(model, seen, block),
  };
  const selection = yield* selectPatches(view, tap);
  checkPatchSelection(name, selection, view);
  const { weights } = selection;
  const weightValues = weights && (yield* readback(weights));
  if (weights && weightValues) checkWeights(name, weightValues, weights.shape);
  return { ...selection, weightValues };
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
): Readback<CutSelection> {
  const attention = () =>
    attentionAhead(model, layer, seen.tokens, placementOf(model, seen.sequence, seen.tokens.shape[1]));
  const selection = yield* choose({ ...seen, attentionAhead: attention });
  checkCutSelection(method.name, selection, seen.sequence, layer);
  return selection;
}
