import type { Mutation } from "./mutation.ts";

const fastv = "methods/fastv.ts";
const visionzip = "methods/visionzip.ts";
const prumerge = "methods/prumerge.ts";
const hiprune = "methods/hiprune.ts";
const divprune = "methods/divprune.ts";
const tome = "methods/tome.ts";
const dart = "methods/dart.ts";
const feather = "methods/feather.ts";
const ivcprune = "methods/ivcprune.ts";
const sparsevlm = "methods/sparsevlm/sparsevlm.ts";
const recycling = "methods/sparsevlm/budget.ts";
const clustering = "methods/sparsevlm/clustering.ts";
const raters = "methods/sparsevlm/raters.ts";
const pyramiddrop = "methods/pyramiddrop.ts";
const pooling = "methods/pooling.ts";
const patches = "methods/patches.ts";
const readings = "methods/nuwa/readings.ts";
const relaxed = "methods/nuwa/relaxed.ts";

/** Mistakes in the methods, in their budgets, and in the parts of Nüwa that no law states. */
export const METHODS: readonly Mutation[] = [
  { what: "FastV: cuts a layer later", file: fastv, from: "layer = 2,", to: "layer = 3," },
  {
    what: "FastV: the layers before the cut are not counted",
    file: fastv,
    from: "(layers * tokens - layer * total) / (layers - layer)",
    to: "(layers * tokens) / (layers - layer)",
  },
  { what: "FastV: two whole layers in a shallow decoder, too", file: fastv, from: "layers < 16 ? 1 : 2", to: "2" },
  { what: "FastV: ids are given anew", file: fastv, from: 'positions = "original"', to: 'positions = "compressed"' },
  {
    what: "VisionZip: contextual tokens are rounded down",
    file: visionzip,
    from: "Math.round((share * contextual) / asked)",
    to: "Math.floor((share * contextual) / asked)",
  },
  {
    what: "VisionZip: a grid may have contextual tokens alone",
    file: visionzip,
    from: "Math.min(share - 1, Math",
    to: "Math.min(share, Math",
  },
  {
    what: "VisionZip: the split of an average is rounded down",
    file: visionzip,
    from: "Math.round((tokens * 10) / 64)",
    to: "Math.floor((tokens * 10) / 64)",
  },
  {
    what: "VisionZip: the class token is one more",
    file: visionzip,
    from: "share - contextualHere - classTokens.length",
    to: "share - contextualHere",
  },
  { what: "VisionZip: targets lie closer", file: visionzip, from: "i % stride === 0", to: "i % stride === stride - 1" },
  {
    what: "VisionZip: sums instead of means",
    file: visionzip,
    from: "1 / merged[i].length",
    to: "1",
  },
  {
    what: "PruMerge: the fence at 1.4, not 1.5, quartile ranges",
    file: prumerge,
    from: "q3 + 1.5 *",
    to: "q3 + 1.4 *",
  },
  {
    what: "PruMerge: the fence above the median",
    file: prumerge,
    from: "const bound = q3 +",
    to: "const bound = (q1 + q3) / 2 +",
  },
  { what: "PruMerge: ≥ for > at the fence", file: prumerge, from: "score > bound", to: "score >= bound" },
  {
    what: "PruMerge: the even patches lie closer",
    file: prumerge,
    from: "Math.floor(1 / ratio) / 3",
    to: "Math.floor(1 / ratio) / 4",
  },
  {
    what: "PruMerge: the last patch can be an even one",
    file: prumerge,
    from: "(total - 1) / stride",
    to: "total / stride",
  },
  { what: "PruMerge: a third by score", file: prumerge, from: "Math.round(count / 4)", to: "Math.round(count / 3)" },
  {
    what: "PruMerge: a patch absorbs itself, too",
    file: prumerge,
    from: "without(total, [patch])",
    to: "without(total, [])",
  },
  { what: "PruMerge: twice as many are absorbed", file: prumerge, from: "total / 18", to: "total / 9" },
  {
    what: "HiPrune: a patch on the left edge has one on its left",
    file: hiprune,
    from: "column > 0 ?",
    to: "column >= 0 ?",
  },
  {
    what: "HiPrune: the row below lies a patch off",
    file: hiprune,
    from: "[-1, 1, -columns, columns].map",
    to: "[-1, 1, -columns, columns + 1].map",
  },
  {
    what: "HiPrune: anchors without room for their buffers",
    file: hiprune,
    from: "(keep * anchorShare) / 5",
    to: "keep * anchorShare",
  },
  { what: "HiPrune: half an anchor is one", file: hiprune, from: "below + (below % 2)", to: "below + 1" },
  {
    what: "HiPrune: the rest by the middle block",
    file: hiprune,
    from: "best(others, deep[image],",
    to: "best(others, own,",
  },
  {
    what: "HiPrune: the object block is one too deep",
    file: hiprune,
    from: "size.visionBlocks) - 1)",
    to: "size.visionBlocks))",
  },
  {
    what: "DivPrune: begins with the patch that is nearest to itself",
    file: divprune,
    from: "total > 1 ? second : smallest",
    to: "smallest",
  },
  {
    what: "DivPrune: similarity for distance",
    file: divprune,
    from: "tf.sub(1, tf.matMul(unit, unit, false, true))",
    to: "tf.matMul(unit, unit, false, true)",
  },
  {
    what: "DivPrune: the farthest, not the nearest, of the chosen",
    file: divprune,
    from: "Math.min(nearest[i], distance)",
    to: "Math.max(nearest[i], distance)",
  },
  {
    what: "DivPrune: the features before the projector",
    file: divprune,
    from: "normalizeRows(seen.project(seen.features))",
    to: "normalizeRows(seen.features)",
  },
  {
    what: "DART: pivots of the smallest keys",
    file: dart,
    from: "keys.abs().sum([1, 3])",
    to: "keys.abs().sum([1, 3]).neg()",
  },
  {
    what: "DART: pivots take what is most like them",
    file: dart,
    from: "(cosine) => -cosine",
    to: "(cosine) => cosine",
  },
  {
    what: "DART: pivots choose by the size of their keys",
    file: dart,
    from: "textPivots)].sort((a, b) => a - b);",
    to: "textPivots)];",
  },
  {
    what: "DART: fewer tokens where there is little text",
    file: dart,
    from: "(turn * count) / cosines.length);",
    to: "(turn * count) / cosines.length) - (cosines.length < 8 ? 1 : 0);",
  },
  {
    what: "FEATHER: attention with positions",
    file: feather,
    from: "...before.unturned(), attention",
    to: "...before.unturned(), keys: before.keys, attention",
  },
  {
    what: "FEATHER: the softmax is over text, too",
    file: feather,
    from: "(isVisual(slot) ? 0 : MASKED)",
    to: "(slot ? 0 : MASKED)",
  },
  {
    what: "FEATHER: the grid begins at the second row",
    file: feather,
    from: "stride === 0 && (",
    to: "stride === 1 && (",
  },
  {
    what: "FEATHER: the grid stays at the second cut, too",
    file: feather,
    from: "i === 0 || options.gridStays === true",
    to: "true",
  },
  {
    what: "IVC-Prune: later tokens are hidden from earlier ones",
    file: ivcprune,
    from: "slot === null ? MASKED : 0",
    to: "slot === null || slots.indexOf(slot) > Math.min(...rows) ? MASKED : 0",
  },
  { what: "IVC-Prune: seeds do not speak", file: ivcprune, from: "[...text, ...seeds]", to: "text" },
  {
    what: "IVC-Prune: coordinates by cosine alone",
    file: ivcprune,
    from: "...best(visual, sin[sample], coordinates),",
    to: "",
  },
  {
    what: "ppe: the cells of the smallest weights",
    file: "methods/nuwa/positions.ts",
    from: "return best(cells, weights, SPREAD_IDS);",
    to: "return best(cells, weights, cells.length).reverse().slice(0, SPREAD_IDS);",
  },
  {
    what: "ppe: every part by the first id",
    file: "model/transformer/rope.ts",
    from: "Math.floor((pair * parts) / pairs)",
    to: "0",
  },
  {
    what: "caches: those before a cut keep what it has dropped",
    file: "pipeline/state.ts",
    from: 'cachesBeforeCuts === "pruned" &&',
    to: 'cachesBeforeCuts !== "pruned" &&',
  },
  {
    what: "caches: the first layer is spared",
    file: "pipeline/state.ts",
    from: "layers: layers.map((layer): LayerState => {",
    to: "layers: layers.map((layer, i): LayerState => {\n      if (i === 0) return layer;",
  },
  {
    what: "budget: methods without one take any",
    file: "methods/budget.ts",
    from: "if (isEverything(average, total)) return false;\n  throw",
    to: "if (isEverything(average, total)) return false;\n  if (total < 0) throw",
  },
  { what: "ToMe: the class token may merge", file: tome, from: "i >= kept", to: "i >= 0" },
  {
    what: "ToMe: merges in blocks behind the features, too",
    file: tome,
    from: "block > featureBlock",
    to: "block > featureBlock + 1",
  },
  {
    what: "ToMe: keys of the first head alone",
    file: tome,
    from: ".mean(2); // [I, T, d]",
    to: ".slice([0, 0, 0, 0], [-1, -1, 1, -1]).squeeze([2]); // [I, T, d]",
  },
  { what: "ToMe: a budget that the last block cannot meet", file: tome, from: "left - target * 2 ** behind", to: "0" },
  {
    what: "ToMe: the least alike merge",
    file: tome,
    from: "const sources = ranked.slice(0, count);",
    to: "const sources = ranked.slice(-count);",
  },
  {
    what: "ToMe: in order without a class token, too",
    file: tome,
    from: "const rest = kept > 0 ?",
    to: "const rest = kept >= 0 ?",
  },
  {
    what: "SparseVLM: the last rater alone",
    file: sparsevlm,
    from: "sum + row[i], 0) / relations.length",
    to: "row[i], 0)",
  },
  {
    what: "SparseVLM: the worst of the dropped are recycled",
    file: sparsevlm,
    from: "dropped.slice(0, sources)",
    to: "dropped.slice(-sources)",
  },
  {
    what: "SparseVLM: means are over a hundredth of a token more",
    file: sparsevlm,
    from: "members.length + 1e-6",
    to: "members.length + 1e-2",
  },
  { what: "SparseVLM: twice the rank", file: sparsevlm, from: "13.5 * matrixRank", to: "27 * matrixRank" },
  { what: "SparseVLM: a fifth is recycled", file: recycling, from: "dropped * 0.3", to: "dropped * 0.2" },
  {
    what: "SparseVLM: one cluster less",
    file: recycling,
    from: "Math.floor(sources / 10) + 1",
    to: "Math.max(1, Math.floor(sources / 10))",
  },
  {
    what: "SparseVLM: recycled tokens are not counted in the budget",
    file: recycling,
    from: "left = kept + recycledCounts(left - kept).clusters;",
    to: "left = kept;",
  },
  { what: "SparseVLM: cuts before, not behind, its layers", file: recycling, from: "[3, 7, 16]", to: "[2, 6, 15]" },
  {
    what: "SparseVLM: density over one neighbour more",
    file: clustering,
    from: "subarray(0, count)",
    to: "subarray(0, count + 1)",
  },
  {
    what: "SparseVLM: distances are not scaled by the width",
    file: clustering,
    from: "distance(a, b) / scale",
    to: "distance(a, b)",
  },
  {
    what: "SparseVLM: distance to the densest, not to a denser one",
    file: clustering,
    from: "density[j] > density[i]",
    to: "density[j] >= density[i] && j !== i",
  },
  { what: "SparseVLM: every text token rates", file: raters, from: "shares[i] > mean", to: "shares[i] >= 0" },
  {
    what: "SparseVLM: raters by softmax over the image, not over the text",
    file: raters,
    from: "tf.softmax(tf.matMul(v, t, false, true)).mean(0)",
    to: "tf.softmax(tf.matMul(t, v, false, true)).max(1)",
  },
  {
    what: "SparseVLM: the rows of other text tokens than the raters",
    file: raters,
    from: "raters[sample].map((rater) => text[rater])",
    to: "raters[sample].map((rater) => rater)",
  },
  {
    what: "PyramidDrop: attention of the layer before",
    file: pyramiddrop,
    from: "function* ({ attentionAhead, sequence, tap }) {",
    to: "function* ({ attentionRows: attentionAhead, sequence, tap }) {",
  },
  { what: "PyramidDrop: thirds, not halves", file: pyramiddrop, from: "total / 2 ** stage", to: "total / 3 ** stage" },
  {
    what: "PyramidDrop: cuts a layer early",
    file: pyramiddrop,
    from: "Math.floor((stage * layers) / 4)",
    to: "Math.floor((stage * layers) / 4) - 1",
  },
  {
    what: "PyramidDrop: a stage shorter than published",
    file: pyramiddrop,
    from: "Math.max(1, Math.floor(layers / 4));",
    to: "Math.max(1, Math.floor(layers / 5));",
  },
  {
    what: "pooling: bins do not overlap",
    file: pooling,
    from: "Math.ceil(((i + 1) * from) / to)",
    to: "Math.floor(((i + 1) * from) / to)",
  },
  {
    what: "pooling: rows and columns of the aspect swapped",
    file: pooling,
    from: "grid.rows / grid.columns",
    to: "grid.columns / grid.rows",
  },
  {
    what: "pooling: the centre is the last patch of a bin",
    file: pooling,
    from: "Math.floor((left + right - 1) / 2)",
    to: "right - 1",
  },
  {
    what: "random: the same patches for every seed",
    file: "methods/random.ts",
    from: "mixedRandom(seed)",
    to: "mixedRandom(44)",
  },
  {
    what: "similarity: keys are not of unit length",
    file: patches,
    from: "vector.map((value) => value / length)",
    to: "vector",
  },
  {
    what: "mean keys: heads and width swapped",
    file: patches,
    from: "seen.heads, width / seen.heads]).mean(2)",
    to: "width / seen.heads, seen.heads]).mean(3)",
  },
  {
    what: "schedule: the mean counts a layer twice",
    file: "methods/schedule.ts",
    from: "starts[i + 1] - starts[i]), 0)",
    to: "starts[i + 1] - starts[i] + (i > 0 ? 1 : 0)), 0)",
  },
  {
    what: "schedule: the farther of two budgets",
    file: "methods/schedule.ts",
    from: "target - mean(below) < mean(above) - target",
    to: "target - mean(below) > mean(above) - target",
  },
  {
    what: "averages: a ratio of exactly one token is refused",
    file: "methods/budget.ts",
    from: "if (tokens < 1)",
    to: "if (tokens <= 1)",
  },
  {
    what: "salience: the keys' norms are left out of the paper's product",
    file: "methods/nuwa/salience.ts",
    from: '"cls-attention" ? 0 : 1',
    to: '"cls-attention" ? 0 : 0',
  },
  {
    what: "pillars: square, not root, of the features' norm",
    file: "methods/nuwa/pillars.ts",
    from: "features.square().sum<tf.Tensor2D>(-1).sqrt()",
    to: "features.abs().sum<tf.Tensor2D>(-1)",
  },
  {
    what: "similar states: from the second third",
    file: "methods/nuwa/aggregation.ts",
    from: "meanState(Math.floor((2 * blocks) / 3), blocks)",
    to: "meanState(Math.floor(blocks / 3), blocks)",
  },
  {
    what: "distance threshold: the diagonal, not its square",
    file: "methods/nuwa/aggregation.ts",
    from: "Math.sqrt(Math.max(1, fraction * largest))",
    to: "Math.max(1, fraction * Math.sqrt(largest))",
  },
  {
    what: "LLaVA-NeXT: half, not a tenth, behind the cut",
    file: readings,
    from: "Math.floor(kept / 10)",
    to: "Math.floor(kept / 2)",
  },
  {
    what: "LLaVA-NeXT: pillars by the quantile of LLaVA-1.5",
    file: readings,
    from: "pillarQuantile: 0.5,",
    to: "pillarQuantile: 0.55,",
  },
  { what: "Qwen: the distance of odd grids", file: readings, from: 'distanceGrid: "even"', to: 'distanceGrid: "own"' },
  { what: "Qwen: the published budget of a quarter", file: readings, from: "[0.35, 0.42]", to: "[0.35, 0.4]" },
  {
    what: "Qwen: rounded, not cut, to whole tokens",
    file: readings,
    from: "Math.trunc(stage1 * r2)",
    to: "Math.round(stage1 * r2)",
  },
  {
    what: "Qwen: the last row of attention, not the last three",
    file: readings,
    from: 'stage2Rows: "last-three"',
    to: 'stage2Rows: "last"',
  },
  {
    what: "stage 2: the mean, not the greatest, of the heads",
    file: "methods/nuwa/textguided.ts",
    from: "tf.concat(means, 0).max(1)",
    to: "tf.concat(means, 0).mean(1)",
  },
  {
    what: "variants: the quantile of the paper is that of the released code",
    file: "methods/nuwa/variants.ts",
    from: "pillarQuantile: 0.75",
    to: "pillarQuantile: 0.55",
  },
  {
    what: "relaxation: slopes count from the wrong end",
    file: relaxed,
    from: "group.length - 1 - 2 * rank",
    to: "2 * rank - group.length + 1",
  },
  {
    what: "relaxation: the spread is a variance",
    file: relaxed,
    from: "const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);",
    to: "const spread = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;",
  },
  {
    what: "guard: a cut before the layer behind the last",
    file: "methods/guard.ts",
    from: "layer >= layers)",
    to: "layer > layers)",
  },
];
