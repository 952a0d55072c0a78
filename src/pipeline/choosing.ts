import { type Readback, readback } from "../core/readback.ts";
import type { Tap } from "../core/taps.ts";
import type { Cut, CutSelection, CutView, Method, PatchSelection, PatchView } from "../methods/method.ts";
import { attentionAhead } from "../model/transformer/decoder.ts";
import type { EncodedImages, Vlm } from "../model/vlm.ts";
import { checkCutSelection, checkPatchSelection, checkWeights } from "./checks.ts";
import { placementOf } from "./decoder.ts";

/** Lets a method look and choose, the same for every method, and checks what it chose. */

/** A selection of stage 1 that was checked, with the values of its weights. */
export type CheckedSelection = PatchSelection & { readonly weightValues?: Float32Array };

/**
 * Stage 1: which patches go on.
 *
 * @throws NuwaError when the selection cannot be applied
 */
export function* choosePatches(
  model: Vlm,
  seen: EncodedImages,
  { name, selectPatches }: Method,
  tap: Tap,
): Readback<CheckedSelection> {
  const view: PatchView = { ...seen, project: model.project };
  const selection = yield* selectPatches(view, tap);
  checkPatchSelection(name, selection, view);
  if (!selection.weights) return selection;
  const weightValues = yield* readback(selection.weights);
  checkWeights(name, weightValues, selection.weights.shape);
  return { ...selection, weightValues };
}

/**
 * A cut inside the decoder.
 *
 * @param layer the cut is made before it
 * @throws NuwaError when the selection cannot be applied
 */
export function* chooseCut(
  model: Vlm,
  method: Method,
  choose: Cut,
  layer: number,
  seen: Omit<CutView, "attentionAhead">,
): Readback<CutSelection> {
  const { tokens, sequence } = seen;
  const selection = yield* choose({
    ...seen,
    attentionAhead: () => attentionAhead(model, layer, tokens, placementOf(model, sequence, tokens.shape[1])),
  });
  checkCutSelection(method.name, selection, sequence, layer);
  return selection;
}
