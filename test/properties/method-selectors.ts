import * as tf from "@tensorflow/tfjs";
import { type Grid, patchCount } from "../../src/core/grid.ts";
import { normal, randomFrom } from "../../src/core/random.ts";
import { runSync } from "../../src/core/readback.ts";
import { noTap } from "../../src/core/taps.ts";
import { fastv } from "../../src/methods/fastv.ts";
import type { Method } from "../../src/methods/method.ts";
import { nuwa } from "../../src/methods/nuwa/nuwa.ts";
import { VARIANTS } from "../../src/methods/nuwa/variants.ts";
import { prumerge } from "../../src/methods/prumerge.ts";
import { pyramiddrop } from "../../src/methods/pyramiddrop.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { sparsevlm } from "../../src/methods/sparsevlm/sparsevlm.ts";
import { visionzip } from "../../src/methods/visionzip.ts";
import { parseConfig } from "../../src/model/llava/config.ts";
import { type Members, mergeMembers, unmerged } from "../../src/model/transformer/merging.ts";
import { cutOf, paidBy, patchView, sequenceOf } from "../methods/support.ts";
import type { Selector } from "./selectors.ts";

/**
 * The real code of every method, as a selection of patches by one score each. It runs on a made-up model in
 * which every attention says the same: what the class token pays to a patch, what all tokens pay to it in any
 * block, and what the one text token behind the image pays to it in any layer. So it does not matter which of them a
 * method ranks by.
 */

/** How to ask for k patches where the registry's average does not mean that. */
const ASKING_FOR: Readonly<Record<string, (keep: number, regionSize: number) => Method>> = {
  // Stage 2 keeps what stage 1 kept.
  nuwa: (keep, regionSize) =>
    nuwa({ ...VARIANTS.official, budget: { stage1: keep, stage2: keep }, cutLayer: 1, regionSize }),
  // One cut before layer 1; an average would count the layer before it, too.
  fastv: (keep) => fastv({ keep, layer: 1 }),
  sparsevlm: (keep) => sparsevlm({ stages: [{ layer: 1, keep }] }),
  pyramiddrop: (keep) => pyramiddrop({ stages: [{ layer: 1, keep }] }),
  // The class token and the extra token stand for no patch. Of 64 patches 10 are contextual, as published.
  visionzip(keep) {
    const contextual = Math.round((keep * 10) / 64);
    return visionzip({ dominant: keep - contextual + 1, contextual });
  },
  prumerge: (keep) => prumerge({ keep: keep + 1, neighbours: 1 }),
};

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

/** A method of the registry as a selection. A new method needs a line above only where an average of k tokens is not k patches. */
export function selectorOf(name: string): Selector {
  return (scores, grid, { keep, regionSize }) => {
    const config = {
      ...CONFIG,
      vision: { ...CONFIG.vision, imageSize: [grid.rows, grid.columns] as [number, number] },
    };
    const method = ASKING_FOR[name]?.(keep, regionSize) ?? createMethod(name, config, { average: { tokens: keep } });
    return keptBy(method, scores, grid);
  };
}

/** The patches that are left when a method is through with the made-up image. */
function keptBy(method: Method, scores: readonly number[], grid: Grid): number[] {
  const total = patchCount(grid);
  const kept = tf.tidy(() => {
    const members = membersOf(method, total);
    const features = looks(total).slice(0, members ? members[0].length - 1 : total);
    const queries = Array.from({ length: total + 1 }, () => [1]);
    const keys = [0, ...steps(scores)].map((key) => [key]);
    const view = patchView({ ...grid, features, clsAttention: scores, queries, keys });
    const seen = { ...view, members: members?.map((rows) => rows.slice(1)) };
    return runSync(() => method.selectPatches(seen, noTap)).cells[0].filter((cell) => cell >= 0);
  });
  return [...method.cuts.keys()]
    .sort((a, b) => a - b)
    .reduce((cells: readonly number[], layer) => {
      const sequence = sequenceOf(1, cells.length, 1);
      const attention = paidBy(cells.length + 1, [0, ...cells.map((cell) => scores[cell]), 0]);
      const { keep } = cutOf(method, layer, { sequence, tokens: attention.map(() => [1]), attention });
      return keep.map((rank) => cells[rank]);
    }, kept)
    .toSorted((a, b) => a - b);
}

/** What the tokens of the tower's block are made of, for a method that merges there. */
function membersOf({ merge }: Method, total: number): Members | undefined {
  if (!merge) return undefined;
  const keys = tf.tensor2d([[0, 0, 0, 0], ...looks(total)]).expandDims<tf.Tensor3D>(0);
  const groups = runSync(() => merge({ block: 0, keys, heads: 1, featureBlock: 0, tap: noTap }));
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
function steps(scores: readonly number[]): number[] {
  const values = [...new Set(scores)].sort((a, b) => a - b);
  const rank = new Map(values.map((value, i) => [value, i]));
  return scores.map((score) => 0.1 * (rank.get(score) as number));
}
