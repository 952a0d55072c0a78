import type { Readback } from "../core/readback.ts";
import type { Tap } from "../core/taps.ts";
import type { Cut, CutSelection, CutView, Method, PatchSelection } from "../methods/method.ts";
import { project, queriesAndKeys, type VisionOutput } from "../model/llava/tower.ts";
import type { Model } from "../model/llava/weights.ts";
import { attentionAhead, type Placement } from "../model/transformer/decoder.ts";

/** Lets a method look and choose, the same for every method. */

/** Stage 1: which patches go on. */
export function choosePatches(
  model: Model,
  seen: VisionOutput,
  { selectPatches }: Method,
  tap: Tap,
): Readback<PatchSelection> {
  const view = {
    ...seen,
    heads: model.config.vision.numAttentionHeads,
    project: (features: VisionOutput["features"]) => project(model, features),
    queriesAndKeys: (block: number) => queriesAndKeys(model, seen, block),
  };
  return selectPatches(view, tap);
}

/**
 * A cut inside the decoder.
 *
 * @param layer the cut is made before it
 * @param placement of the tokens before the cut
 */
export function chooseCut(
  model: Model,
  choose: Cut,
  layer: number,
  placement: Placement,
  seen: Omit<CutView, "attentionAhead">,
): Readback<CutSelection> {
  return choose({ ...seen, attentionAhead: () => attentionAhead(model, layer, seen.tokens, placement) });
}
