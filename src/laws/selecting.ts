import * as tf from "@tensorflow/tfjs";
import { type Grid, patchCount } from "../core/grid.ts";
import { normal, randomFrom } from "../core/random-numbers.ts";
import { runSync } from "../core/readback.ts";
import { noTap } from "../core/taps.ts";
import { isEverything } from "../methods/budget.ts";
import type { Method, MethodDefinition, MethodRequest } from "../methods/method.ts";
import { createMethod } from "../methods/registry.ts";
import { rasterShape, unprunedTokens } from "../model/image-shape.ts";
import { parseConfig } from "../model/llava/config.ts";
import { type Members, mergeMembers, unmerged } from "../model/transformer/merging.ts";
import { rotaryAngles } from "../model/transformer/rope.ts";
import { positionIds } from "../model/transformer/sequence.ts";
import type { VlmConfig } from "../model/vlm.ts";
import type { Selector } from "./selectors.ts";
import { cutOf, paidBy, patchView, sequenceOf } from "./views.ts";

/** A tower of one block on patches of one pixel. */
const CONFIG = parseConfig("made up", {
  model_type: "llava",
  image_token_index: 1,
  vision_feature_layer: -1,
  vision_config: {
    hidden_size: 4,
    intermediate_size: 4,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    image_size: [1, 1],
    patch_size: 1,
  },
  text_config: {
    vocab_size: 2,
    hidden_size: 4,
    intermediate_size: 4,
    num_hidden_layers: 2,
    num_attention_heads: 1,
    num_key_value_heads: 1,
  },
});

/** How a method is made for a model: what the laws judge. */
export type MethodFactory = (config: VlmConfig, request: MethodRequest) => Method;

/**
 * How a definition is made into a method for any request: one without a budget is asked for no average, unless it is
 * all visual tokens.
 */
export function factoryOf(definition: MethodDefinition): MethodFactory {
  return (config, request) => {
    const { average, ...rest } = request;
    const total = config.imageShape && unprunedTokens(config.imageShape);
    const asksForAll = total !== undefined && isEverything(average, total);
    return createMethod(definition, config, definition.publishedOnly && !asksForAll ? rest : request);
  };
}

/**
 * The real code of a method, as a selection of patches by one score each, asked for an average of `keep` tokens:
 * what stage 1 keeps or, where it never drops a patch, what the cuts inside the decoder leave. It
 * runs on a made-up model in which every attention says the same: what the class token pays to a patch, what all
 * tokens pay to it in any block, and what the one text token behind the image pays to it in any layer. Keys and values
 * of the decoder rise with it, too. So it does not matter which of them a method ranks by.
 */
export function selectorFor(make: MethodFactory): Selector {
  return (scores, grid, { keep }) => {
    const asked = (tokens: number) => make(configFor(grid), { average: { tokens } });
    const stage1 = (method: Method) => keptBy({ ...method, cuts: new Map() }, scores, grid);
    // A second stage, which looks at text, need not spread what it keeps; where it is the only one, it is judged.
    const method = asked(keep);
    return stage1(asked(1)).length < patchCount(grid) ? stage1(method) : keptBy(method, scores, grid);
  };
}

/** The made-up model's configuration, on another grid. */
export function configFor(grid: Grid): VlmConfig {
  return { ...CONFIG, imageShape: rasterShape(grid) };
}

/** The patches that are left when a method is through with the made-up image. */
export function keptBy(method: Method, scores: readonly number[], grid: Grid): number[] {
  const total = patchCount(grid);
  const kept = tf.tidy(() => {
    const members = membersOf(method, total);
    const features = looks(total).slice(0, members ? members[0].length - 1 : total);
    const queries = Array.from({ length: total + 1 }, () => [1]);
    const keys = [0, ...steps(scores, [...scores.keys()])].map((key) => [key]);
    const view = patchView({ ...grid, features, clsAttention: scores, queries, keys });
    const seen = { ...view, members: members?.map((rows) => rows.slice(1)) };
    return runSync(() => method.selectPatches(seen, noTap)).cells[0].filter((cell) => cell >= 0);
  });
  return [...method.cuts.keys()]
    .sort((a, b) => a - b)
    .reduce((cells: readonly number[], layer) => {
      const [whole] = sequenceOf(1, total, 1);
      const sequence = [[whole[0], ...cells.map((cell) => whole[1 + cell]), whole[1 + total]]];
      const attention = paidBy(cells.length + 1, [0, ...cells.map((cell) => scores[cell]), 0]);
      const like = looks(total + 2);
      const tokens = [like[total], ...cells.map((cell) => like[cell]), like[total + 1]];
      const rising = [[1], ...steps(scores, cells).map((step) => [step]), [1]];
      const before = { keys: rising, values: rising };
      const rotation = rotaryAngles(positionIds(sequence, 1), CONFIG.text);
      const { keep } = cutOf(method, layer, { sequence, tokens, attention, before, rotation });
      return keep.map((rank) => cells[rank]);
    }, kept)
    .toSorted((a, b) => a - b);
}

/** What the tokens of the tower's block are made of, for a method that merges there. */
function membersOf({ merge }: Method, total: number): Members | undefined {
  if (!merge) return undefined;
  const keys = tf.tensor2d([[0, 0, 0, 0], ...looks(total)]).expandDims<tf.Tensor3D>(0);
  const groups = runSync(() => merge({ block: 0, keys, heads: 1, prefixTokens: 1, featureBlock: 0, tap: noTap }));
  const members = unmerged(1, total + 1);
  return groups ? mergeMembers(members, groups) : members;
}

/** What the patches look like, for methods that compare them: no two alike, and nothing to do with the scores. */
function looks(total: number): number[][] {
  const random = randomFrom(5);
  return Array.from({ length: total }, () => Array.from({ length: 4 }, () => normal(random)));
}

/**
 * Logits whose softmax has the order of the scores, equals where they are equal. The scores themselves may
 * be too large or too near to one another for that.
 */
function steps(scores: readonly number[], cells: readonly number[]): number[] {
  const values = [...new Set(scores)].sort((a, b) => a - b);
  const rank = new Map(values.map((value, i) => [value, i]));
  return cells.map((cell) => 0.1 * (rank.get(scores[cell]) as number));
}
