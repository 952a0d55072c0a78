import type * as tf from "@tensorflow/tfjs";
import type { Readback } from "../core/readback.ts";
import { tapNames } from "../core/tap-points.ts";
import { noTap, requireKnown, type Tap, within } from "../core/taps.ts";
import type { SampleLedger } from "../methods/ledger.ts";
import type { LayerBefore, PlacedTokens, Pruning } from "../methods/method.ts";
import type { ByRows } from "../model/transformer/attention.ts";
import { embed, finalNorm, lmHead } from "../model/transformer/decoder.ts";
import { gatherRows } from "../model/transformer/layers.ts";
import { lastIndex, positionIds, visualSlots } from "../model/transformer/sequence.ts";
import type { ImageInputs, Vlm } from "../model/vlm.ts";
import { inTurn } from "../model/weights.ts";
import { projectSelected, selectedImages, selectedSlots, tapIntegers, tapPositions, tokenRowsOf } from "./apply.ts";
import { type ChosenCut, chooseCut, choosePatches, methodFor } from "./choosing.ts";
import { type AppliedCut, applyCut } from "./cutting.ts";
import { layersInTurns } from "./decoder-loop.ts";
import { whileFinite } from "./finite.ts";
import { keepLedgers } from "./ledgers.ts";
import { splitPrompts } from "./placeholders.ts";
import { imagesOfPrompt, layOut, requirePositions } from "./prompts.ts";
import { type DecodeState, type LayerState, unseenRows } from "./state.ts";

/** A batch of prompts and the images in them. */
export interface ForwardInputs extends Partial<ImageInputs> {
  /** Token ids of each sample; lengths may differ. */
  readonly prompts: readonly (readonly number[])[];
  /**
   * For each prompt the images that its image tokens mean, in order; unless given, the images of the batch are taken
   * one after the other. Several prompts may share an image, which is then seen and pruned by stage 1 once.
   */
  readonly imagesOf?: readonly (readonly number[])[];
  /** Where the prompts come from, for errors. */
  readonly promptsOrigin?: string;
}

/** A cut that was made inside the decoder, before layer `layer`. */
export interface MadeCut extends ChosenCut {
  readonly layer: number;
}

/** What a forward pass returns; free it with `tf.dispose(tensorsIn(result))`. */
export interface ForwardResult {
  /** Scores of the first answer token, [B, V]. */
  readonly logits: tf.Tensor2D;
  /** Final hidden states after the norm, [B, S', Hd]; S' counts what survived all cuts, see `state`. */
  readonly hidden: tf.Tensor3D;
  readonly state: DecodeState;
  /** The cuts inside the decoder, in order. */
  readonly cuts: readonly MadeCut[];
  /** For each sample with an image what became of its visual tokens, else undefined. */
  readonly ledgers: readonly (SampleLedger | undefined)[];
}

/**
 * The whole model, from pixels and token ids to logits, with both prunings in the path. Differentiable
 * in the pixels and in every weight; selections are read out (see readback.ts) and indices are constant.
 *
 * @param pruning the method, or how it is made for the shape of an image
 * @throws NuwaError when prompts and images do not fit the model
 * @throws NonFiniteError naming where NaN or infinite values arose
 */
export function* forward(
  model: Vlm,
  inputs: ForwardInputs,
  pruning: Pruning,
  watching: Tap = noTap,
): Readback<ForwardResult> {
  return yield* whileFinite(model, inputs, watching, (tap) => pass(model, inputs, pruning, tap));
}

/** {@link forward} without a look at whether its values are finite. */
function* pass(
  model: Vlm,
  { pixels, prompts, imagesOf, promptsOrigin, ...rest }: ForwardInputs,
  pruning: Pruning,
  watching: Tap,
): Readback<ForwardResult> {
  const { imageShape, text } = model.config;
  const axes = text.ropeSections.length;
  requireKnown(watching, tapNames(model.tapLayers));
  const tap = within(watching, { step: 0, sequence: undefined, pass: {} });
  // Prompts that do not fit the images are refused before the tower runs.
  const imageShapes = pixels ? model.shapesOf({ pixels, ...rest }) : [];
  const segments = splitPrompts(prompts, model.config, imageShapes, imagesOf, promptsOrigin);
  const merge = imageShape && methodFor(pruning, imageShape, model).merge;
  const encoded = pixels ? yield* model.encode({ pixels, ...rest }, tap, merge) : [];

  // Stage 1: which patches go on, and as which mixtures of their neighbours.
  const chosen = yield* choosePatches(model, encoded, pruning, tap);
  const images = selectedImages(chosen);
  const visual = images.length > 0 ? projectSelected(model, chosen, images, tap) : undefined; // [I, k, Hd]

  // Splice: text and visual tokens in one sequence, each with its position ids.
  let { sequence, nextPosition } = layOut(segments, selectedSlots(segments, images), images, axes);
  requirePositions(nextPosition, model.config);
  const placed = within(tap, { sequence });
  const rows = tokenRowsOf(segments, images, visual?.shape[1] ?? 0);
  let x = placed("llm.embeddings", embed(model, sequence, visual, rows)); // [B, S, Hd]
  tapPositions(placed, positionIds(sequence, axes));

  const entered: PlacedTokens = { tokens: x, sequence };
  let attention: ByRows | undefined;
  let before: LayerBefore | undefined;
  const layers: LayerState[] = [];
  const cuts: (AppliedCut & MadeCut)[] = [];
  const imagesIn = segments.map((prompt) =>
    imagesOfPrompt(prompt).map((image) => ({ image, method: images[image].method })),
  );
  const cutLayers = [...new Set(images.flatMap(({ method }) => [...method.cuts.keys()]))];
  for (const { from, to } of stretches(cutLayers, text.numHiddenLayers)) {
    // Stage 2: before layer `from`, visual tokens that the text does not ask for are dropped.
    if (cutLayers.includes(from)) {
      // A method may look one layer ahead.
      yield* inTurn(model.decoder.layer(from));
      const here = within(tap, { sequence, layer: from });
      const choice = yield* chooseCut(model, imagesIn, from, {
        tokens: x,
        sequence,
        entered,
        attention,
        before,
        tap: here,
      });
      tapIntegers(here, "stage2.indices", choice.keep);
      const applied = applyCut(x, sequence, choice, entered.sequence, cuts);
      ({ x, sequence } = applied); // [B, S', Hd]
      if (images.some(({ method }) => method.idsAfterCut === "anew"))
        ({ sequence, nextPosition } = layOut(segments, visualSlots(sequence), images, axes));
      cuts.push({ ...applied, layer: from });
    }
    const range = { from, to, sequence, watch: cutLayers.includes(to) ? [to - 1] : [] };
    const run = yield* layersInTurns(model, x, range, tap);
    ({ x } = run);
    attention = run.attention.get(to - 1);
    before = run.made.get(to - 1);
    for (const cache of run.caches) layers.push({ cache, sequence, nextPosition });
  }

  const here = within(tap, { sequence });
  const left = visualSlots(sequence);
  tapIntegers(
    here,
    "final.indices",
    left.map((tokens) => tokens.map(({ cell }) => cell)),
  );
  tapIntegers(
    here,
    "final.images",
    left.map((tokens) => tokens.map(({ image }) => image)),
  );
  const hidden = here("llm.norm", finalNorm(model, x)) as tf.Tensor3D;
  const ends = sequence.map((slots) => [lastIndex(slots)]);
  const logits = here("logits_last", lmHead(model, gatherRows(hidden, ends)).squeeze<tf.Tensor2D>([1])); // [B, V]
  const sequences = layers.map((layer) => layer.sequence);
  const passed = { entered: entered.sequence, sequences, cuts };
  const unseen = unseenRows(imagesIn, sequences);
  const ledgers = keepLedgers(segments, images, passed);
  const made = cuts.map(({ layer, keep, made, weights }) => ({ layer, keep, made, weights }));
  return { logits, hidden, state: { layers, ...(unseen && { unseen }) }, cuts: made, ledgers };
}

/** The decoder in stretches of layers between two cuts. */
function stretches(cutLayers: readonly number[], layers: number): { from: number; to: number }[] {
  const starts = [...new Set([0, ...cutLayers])].filter((layer) => layer < layers).sort((a, b) => a - b);
  return starts.map((from, i) => ({ from, to: starts[i + 1] ?? layers }));
}
