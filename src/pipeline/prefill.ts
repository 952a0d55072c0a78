import type * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../core/errors.ts";
import type { Readback } from "../core/readback.ts";
import type { Sequence } from "../core/slots.ts";
import { noTap, type Tap, within } from "../core/taps.ts";
import type { SampleLedger } from "../methods/ledger.ts";
import type { Cut, Method, PlacedTokens } from "../methods/method.ts";
import { embed, finalNorm, type LayerCache, lmHead } from "../model/transformer/decoder.ts";
import { gatherRows } from "../model/transformer/layers.ts";
import { lastPlace, positionIds, visualSlots } from "../model/transformer/sequence.ts";
import type { Vlm } from "../model/vlm.ts";
import {
  type AppliedCut,
  applyCut,
  keepLedgers,
  NO_IMAGES,
  projectSelected,
  selectedSlots,
  tapIntegers,
} from "./apply.ts";
import { chooseCut, choosePatches } from "./choosing.ts";
import { runLayers } from "./decoder.ts";
import { layOut, requirePositions, splitPrompts } from "./prompts.ts";

/** A batch of prompts and the images in them. */
export interface ForwardInputs {
  /** [I, 3, H, W], normalised; undefined when no prompt has an image. */
  readonly pixels?: tf.Tensor4D;
  /** Token ids of each sample; lengths may differ. */
  readonly prompts: readonly (readonly number[])[];
  /**
   * For each prompt the image that its image token means, undefined without one; the i-th prompt with an
   * image token has the i-th image unless given. Several prompts may share an image, which is then seen and
   * pruned by stage 1 once.
   */
  readonly imageOf?: readonly (number | undefined)[];
}

/** What one decoder layer keeps for decoding. After a cut the layers' sequences differ. */
export interface LayerState {
  readonly cache: LayerCache;
  readonly sequence: Sequence;
  /** Position id of the next token, for each sample. */
  readonly nextPosition: readonly number[];
}

/** Everything that decoding needs to go on. */
export interface DecodeState {
  readonly layers: readonly LayerState[];
}

/** What a forward pass returns; free it with `tf.dispose(tensorsIn(result))`. */
export interface ForwardResult {
  /** Scores of the first answer token, [B, V]. */
  readonly logits: tf.Tensor2D;
  /** Final hidden states after the norm, [B, S', Hd]; S' counts what survived all cuts, see `state`. */
  readonly hidden: tf.Tensor3D;
  readonly state: DecodeState;
  /** For each sample with an image what became of its visual tokens, else undefined. */
  readonly ledgers: readonly (SampleLedger | undefined)[];
}

/**
 * The whole model, from pixels and token ids to logits, with both prunings in the path. Differentiable
 * in the pixels and in every weight; selections are read out (see readback.ts) and indices are constant.
 *
 * @throws NuwaError when prompts and images do not fit the model
 */
export function* forward(
  model: Vlm,
  { pixels, prompts, imageOf: wanted }: ForwardInputs,
  method: Method,
  watching: Tap = noTap,
): Readback<ForwardResult> {
  requireCapabilities(method, model);
  const tap = within(watching, { step: 0, sequence: undefined });
  const seen = pixels && (yield* model.encode(pixels, tap, method.merge));
  const { unpruned } = model;
  const prompt = splitPrompts(prompts, model.config, pixels?.shape[0] ?? 0, unpruned.total, wanted);
  const imageOf = prompt.map(({ image }) => image);

  // Stage 1: which patches go on, and as which mixtures of their neighbours.
  const selection = seen ? yield* choosePatches(model, seen, method, tap) : NO_IMAGES;
  const visual = seen && projectSelected(model, seen, selection, tap); // [I, k, Hd]

  // Splice: text and visual tokens in one sequence, each with its position id.
  let { sequence, nextPosition } = layOut(prompt, selectedSlots(selection, imageOf), method.positions, unpruned);
  requirePositions(nextPosition, model.config);
  const placed = within(watching, { step: 0, sequence });
  let x = placed("llm.embeddings", embed(model, sequence, visual, imageOf)); // [B, S, Hd]
  tapIntegers(placed, "position_ids", positionIds(sequence));

  const entered: PlacedTokens = { tokens: x, sequence };
  let attention: tf.Tensor4D | undefined;
  const layers: LayerState[] = [];
  const cuts: AppliedCut[] = [];
  for (const { from, to, choose } of stretches(visual ? method.cuts : NO_CUTS, model.config.text.numHiddenLayers)) {
    // Stage 2: before layer `from`, visual tokens that the text does not ask for are dropped.
    if (choose) {
      const seenByCut = { tokens: x, sequence, entered, attention, tap: within(watching, { step: 0, sequence }) };
      const choice = yield* chooseCut(model, method, choose, from, seenByCut);
      tapIntegers(tap, "stage2.indices", choice.keep);
      const applied = applyCut(x, sequence, choice, entered.sequence, cuts);
      ({ x, sequence } = applied); // [B, S', Hd]
      if (method.idsAfterCut === "anew")
        ({ sequence, nextPosition } = layOut(prompt, visualSlots(sequence), method.positions, unpruned));
      cuts.push(applied);
    }
    const run = runLayers(model, x, { from, to, sequence, watch: [to - 1].filter((i) => method.cuts.has(i + 1)) }, tap);
    ({ x } = run);
    attention = run.attention.get(to - 1);
    for (const cache of run.caches) layers.push({ cache, sequence, nextPosition });
  }

  tapIntegers(
    tap,
    "final.indices",
    visualSlots(sequence).map((tokens) => tokens.map(({ cell }) => cell)),
  );
  const here = within(watching, { step: 0, sequence });
  const hidden = here("llm.norm", finalNorm(model, x)) as tf.Tensor3D;
  const ends = sequence.map((slots) => [lastPlace(slots)]);
  const logits = here("logits_last", lmHead(model, gatherRows(hidden, ends)).squeeze<tf.Tensor2D>([1])); // [B, V]
  const passed = { entered: entered.sequence, sequences: layers.map((layer) => layer.sequence), cuts };
  const ledgers = yield* keepLedgers(seen, selection, unpruned.total, passed, imageOf);
  return { logits, hidden, state: { layers }, ledgers };
}

/** @throws NuwaError when the method needs what the model does not offer */
function requireCapabilities({ name, needs = [] }: Method, { family, config }: Vlm): void {
  const lacking = needs.find((need) => !config.facts.capabilities.includes(need));
  if (lacking !== undefined)
    throw new NuwaError(`method ${name} needs ${lacking}, which models of the family ${family} do not offer.`);
}

const NO_CUTS: Method["cuts"] = new Map();

/** The decoder in stretches of layers, each with the cut that is made before it. */
function stretches(cuts: Method["cuts"], layers: number): { from: number; to: number; choose: Cut | undefined }[] {
  const starts = [...new Set([0, ...cuts.keys()])].filter((layer) => layer < layers).sort((a, b) => a - b);
  return starts.map((from, i) => ({ from, to: starts[i + 1] ?? layers, choose: cuts.get(from) }));
}
