import type { Mutation } from "./mutation.ts";

const separation = "methods/nuwa/separation.ts";
const grid = "core/grid.ts";
const alignment = "methods/nuwa/alignment.ts";
const ranking = "core/ranking.ts";
const pillars = "methods/nuwa/pillars.ts";
const aggregation = "methods/nuwa/aggregation.ts";
const positions = "methods/nuwa/positions.ts";
const textguided = "methods/nuwa/textguided.ts";
const budget = "methods/nuwa/budget.ts";
const ledger = "methods/ledger.ts";
const sequence = "model/transformer/sequence.ts";
const nuwa = "methods/nuwa/nuwa.ts";
const prefill = "pipeline/prefill.ts";
const decoder = "pipeline/decoder-loop.ts";
const decode = "pipeline/decode.ts";

/** Mistakes in the pruning, in the order of the pipeline; a law catches each. */
export const PRUNING: readonly Mutation[] = [
  {
    what: "regions: one too few in a row",
    file: separation,
    from: "Math.ceil(columns / side)",
    to: "Math.floor(columns / side) || 1",
  },
  {
    what: "regions: rows and columns swapped",
    file: separation,
    from: "Math.floor(row / side) * across + Math.floor(column / side)",
    to: "Math.floor(column / side) * across + Math.floor(row / side)",
  },
  {
    what: "regions: shifted by a patch",
    file: separation,
    from: "Math.floor(column / side)",
    to: "Math.floor((column + 1) / side)",
  },
  {
    what: "distance: along one axis only",
    file: grid,
    from: "return rows * rows + across * across;",
    to: "return across * across;",
  },
  {
    what: "distance: Manhattan, not Euclidean",
    file: grid,
    from: "return rows * rows + across * across;",
    to: "return (Math.abs(rows) + Math.abs(across)) ** 2;",
  },
  {
    what: "largest distance: a patch too far",
    file: grid,
    from: "(rows - 1) ** 2 + (columns - 1) ** 2",
    to: "rows ** 2 + columns ** 2",
  },
  {
    what: "alignment: anchors not sorted",
    file: alignment,
    from: "return best(candidates, salience, keep).sort((a, b) => a - b);",
    to: "return best(candidates, salience, keep);",
  },
  {
    what: "alignment: one more candidate in each region",
    file: alignment,
    from: "region.slice(0, perRegion)",
    to: "region.slice(0, perRegion + 1)",
  },
  {
    what: "alignment: regions ignored",
    file: alignment,
    from: "const candidates = ranked.flatMap((region) => region.slice(0, perRegion));",
    to: "const candidates = ranked.flat();",
  },
  {
    what: "alignment: the first candidates, not the best",
    file: alignment,
    from: "best(candidates, salience, keep)",
    to: "candidates.slice(0, keep)",
  },
  {
    what: "alignment: n raised where it is large enough",
    file: alignment,
    from: ", 0) < keep)",
    to: ", 0) <= keep && perRegion < 1600)",
  },
  { what: "ranking: equal scores, the later item first", file: ranking, from: "|| a - b)", to: "|| b - a)" },
  { what: "ranking: the lowest first", file: ranking, from: "scores[b] - scores[a]", to: "scores[a] - scores[b]" },
  {
    what: "ranking: by absolute value",
    file: ranking,
    from: "scores[b] - scores[a]",
    to: "Math.abs(scores[b]) - Math.abs(scores[a])",
  },
  {
    what: "ranking: NaN let through",
    file: ranking,
    from: "if (!Number.isFinite(scores[i]))",
    to: "if (Math.abs(scores[i]) === Number.POSITIVE_INFINITY)",
  },
  { what: "pillars: > for ≥", file: pillars, from: ">= threshold", to: "> threshold" },
  {
    what: "quantile: at q·n, not q·(n−1)",
    file: ranking,
    from: "q * (sorted.length - 1)",
    to: "Math.min(q * sorted.length, sorted.length - 1)",
  },
  {
    what: "quantile: not interpolated",
    file: ranking,
    from: "sorted[below] + (position - below) * (sorted[above] - sorted[below])",
    to: "sorted[below]",
  },
  {
    what: "aggregation: self-weight lost",
    file: aggregation,
    from: ".mul(collects).add(self);",
    to: ".mul(collects);",
  },
  {
    what: "aggregation: dissimilar patches count, too",
    file: aggregation,
    from: "tf.relu(cosine)",
    to: "tf.abs(cosine)",
  },
  {
    what: "aggregation: nearness does not fall with distance",
    file: aggregation,
    from: "tf.relu(tf.sub(1, distance.div(distanceThreshold)))",
    to: "tf.step(tf.sub(1, distance.div(distanceThreshold)))",
  },
  {
    what: "aggregation: no end at the threshold",
    file: aggregation,
    from: "tf.relu(tf.sub(1, distance.div(distanceThreshold)))",
    to: "tf.exp(distance.div(distanceThreshold).neg())",
  },
  { what: "aggregation: pillars collect", file: aggregation, from: "(pillar ? 0 : 1)", to: "(pillar ? 1 : 1)" },
  {
    what: "aggregation: normalised along the wrong axis",
    file: aggregation,
    from: "raw.sum(-1, true)",
    to: "raw.sum(1, true)",
  },
  { what: "aggregation: rows not normalised", file: aggregation, from: "return raw.div(sums);", to: "return raw;" },
  {
    what: "aggregation: official self-weight not overwritten",
    file: aggregation,
    from: "return raw.div(sums.add(1e-8)).mul(others).add(self);",
    to: "return raw.div(sums.add(1e-8));",
  },
  {
    what: "aggregation: similarity of vectors that are not normalised",
    file: aggregation,
    from: "const unit = normalizeRows(features) as tf.Tensor3D;",
    to: "const unit = features;",
  },
  {
    what: "Nüwa: pillars by the scores of the first patches, not of the anchors",
    file: nuwa,
    from: "cells[image].map((p) => own[p])",
    to: "cells[image].map((_, i) => own[i])",
  },
  {
    what: "positions: original ids renumbered",
    file: positions,
    from: "(offset) => start + offset)",
    to: "(offset) => start + Math.min(offset, offsets.length - 1))",
  },
  {
    what: "positions: text after the image moves up",
    file: positions,
    from: "(offset) => start + offset),\n        nextPosition: start + image.length",
    to: "(offset) => start + offset),\n        nextPosition: start + offsets.length",
  },
  {
    what: "positions: compressed ids begin one too late",
    file: positions,
    from: "[start + j]), nextPosition: start + offsets.length }",
    to: "[start + j + 1]), nextPosition: start + offsets.length + 1 }",
  },
  {
    what: "positions: rpme rounds down",
    file: positions,
    from: "start + Math.ceil((offset",
    to: "start + Math.floor((offset",
  },
  {
    what: "positions: rpme begins where the first anchor was",
    file: positions,
    from: "offset === first ? start :",
    to: "offset === -7 ? start :",
  },
  {
    what: "stage 2: survivors not sorted",
    file: textguided,
    from: "return best([...own.keys()], own, keep).sort((a, b) => a - b);",
    to: "return best([...own.keys()], own, keep);",
  },
  {
    what: "stage 2: one token too many",
    file: textguided,
    from: "best([...own.keys()], own, keep)",
    to: "best([...own.keys()], own, keep + 1)",
  },
  {
    what: "stage 2: scores of the first sample for all",
    file: textguided,
    from: "scores[sample * slots.length + index]",
    to: "scores[index]",
  },
  {
    what: "stage 2: attention of the last index, padding or not",
    file: textguided,
    from: "attentionRows(sequence.map((slots) => [lastIndex(slots)]))",
    to: "attentionRows(sequence.map((slots) => [slots.length - 1]))",
  },
  {
    what: "stage 2: text before the image counts",
    file: textguided,
    from: "const after = textBehind(slots);",
    to: 'const after = indicesOf(slots, "text");',
  },
  {
    what: "the cut: the wrong tokens",
    file: sequence,
    from: "keep[sample].map((rank) => visual[rank])",
    to: "keep[sample].map((rank) => visual[visual.length - 1 - rank])",
  },
  {
    what: "the cut: text is dropped, too",
    file: sequence,
    from: 'slot?.kind === "text" || slot?.kind === "separator" || stays.has(row) ? [{ slot, row }] : []',
    to: "stays.has(row) || row === slots.length - 1 || row === 0 ? [{ slot, row }] : []",
  },
  {
    what: "the mask: no token attends to itself",
    file: sequence,
    from: "key <= query && slots[key] !== null ? 0 : MASKED",
    to: "key < query && slots[key] !== null ? 0 : MASKED",
  },
  {
    what: "the mask: padding is attended to",
    file: sequence,
    from: "key <= query && slots[key] !== null ? 0 : MASKED",
    to: "key <= query ? 0 : MASKED",
  },
  {
    what: "the decoder: ids without the gaps that pruning leaves",
    file: decoder,
    from: "ids.slice(ids.length - queries)",
    to: "ids.map((_, i) => ids[0] + i).slice(ids.length - queries)",
  },
  {
    what: "forward: the cache before a cut is pruned, too",
    file: prefill,
    from: "layers.push({ cache, sequence, nextPosition });",
    to: "layers.push({ cache, sequence: layers[0]?.sequence ?? sequence, nextPosition });",
  },
  {
    what: "forward: hidden states taken one index off",
    file: "pipeline/cutting.ts",
    from: "x, rows); // of",
    to: "x, rows.map((list) => list.map((p) => Math.max(0, p - 1)))); // of",
  },
  {
    what: "decoding: every token at the same id",
    file: decode,
    from: "before.nextPosition.map((position) => position + count)",
    to: "before.nextPosition",
  },
  {
    what: "decoding: ids of the first layer everywhere",
    file: decode,
    from: "freshFrom(before.nextPosition)",
    to: "freshFrom(state.layers[0].nextPosition)",
  },
  {
    what: "truncation: the ids are not taken back",
    file: decode,
    from: "nextPosition: nextPosition.map((position) => position - count),",
    to: "nextPosition,",
  },
  {
    what: "truncation: one key too many stays",
    file: decode,
    from: "[batch, heads, length - count, width]",
    to: "[batch, heads, length - Math.max(0, count - 1), width]",
  },
  { what: "budget: twice the average in stage 1", file: budget, from: "(7 / 4) * tokens", to: "2 * tokens" },
  {
    what: "budget: the average of stage 1 alone",
    file: budget,
    from: "(layers * tokens - cut * stage1) / (layers - cut)",
    to: "(layers * tokens - cut * stage1) / layers",
  },
  {
    what: "ledger: entering and leaving confused",
    file: ledger,
    from: "entering[layer + 1] ?? count",
    to: "entering[layer] ?? count",
  },
  {
    what: "families: compressed ids keep the gaps of rows and columns",
    file: positions,
    from: "start + (ranks[axis].get(offset) as number)",
    to: "start + offset",
  },
  {
    what: "families: the id of a newline is that of the token before it",
    file: "model/llava-next/shape.ts",
    from: "offset: [base + row * (columns + 1) + columns]",
    to: "offset: [base + row * (columns + 1) + columns - 1]",
  },
  {
    what: "families: a newline stands before the last token of its row",
    file: "pipeline/prompts.ts",
    from: "tokens[next].cell <= after",
    to: "tokens[next].cell < after",
  },
  {
    what: "families: text goes on behind the shorter side",
    file: "model/qwen2_5-vl/mrope.ts",
    from: "length: Math.max(rows, columns)",
    to: "length: Math.min(rows, columns)",
  },
  {
    what: "families: a budget is not shared out by tiles",
    file: "methods/budget.ts",
    from: "Math.min(each * tiles[i], own)",
    to: "Math.min(count, own)",
  },
  {
    what: "families: a cut sees the first image alone",
    file: "pipeline/choosing.ts",
    from: "slot.image !== image[sample]",
    to: "slot.image !== 0",
  },
  {
    what: "families: every image is cut by the method of the first",
    file: "pipeline/choosing.ts",
    from: "images[image]?.method === method ? images[image].image",
    to: "images[0]?.method === method ? images[image]?.image",
  },
];
