import type { Mutation } from "./mutation.ts";

const rope = "model/transformer/rope.ts";
const layers = "model/transformer/layers.ts";
const attention = "model/transformer/attention.ts";
const decoder = "model/transformer/decoder.ts";
const merging = "model/transformer/merging.ts";
const llava = "model/llava/preprocessing.ts";
const tower = "model/llava/tower.ts";
const encode = "model/llava/encode.ts";
const next = "model/llava-next/encode.ts";
const tiles = "model/llava-next/preprocessing.ts";
const resolution = "model/llava-next/resolution.ts";
const newline = "model/llava-next/shape.ts";
const qwen = "model/qwen2_5-vl/tower.ts";
const cells = "model/qwen2_5-vl/preprocessing.ts";
const merger = "model/qwen2_5-vl/merger.ts";
const windows = "model/qwen2_5-vl/windows.ts";
const block = "model/tower-block.ts";
const layouts = "model/llava/layouts.ts";

/** Mistakes in the layers, and in what is each family's own. */
export const MODEL: readonly Mutation[] = [
  {
    what: "RoPE: frequencies of i, not 2i",
    file: "model/transformer/rope-scaling.ts",
    from: "(2 * i) / headDim",
    to: "i / headDim",
  },
  {
    what: "RoPE: turned the other way",
    file: "backend/fused.ts",
    from: "[second.neg(), first]",
    to: "[second, first.neg()]",
  },
  {
    what: "RoPE: the second half is not filled",
    file: rope,
    from: "sin[at] = sin[at + half] =",
    to: "sin[at] = sin[at + half - 1] =",
  },
  {
    what: "M-RoPE: every pair turns with the first axis",
    file: rope,
    from: "part * ropeSections.length + axis",
    to: "part * ropeSections.length",
  },
  {
    what: "LayerNorm: epsilon outside the root",
    file: layers,
    from: "centred.mul(variance.add(eps).rsqrt())",
    to: "centred.div(variance.sqrt().add(eps))",
  },
  {
    what: "LayerNorm: not centred",
    file: layers,
    from: "const variance = centred.square()",
    to: "const variance = x.square()",
  },
  {
    what: "RMSNorm: the weight is left out",
    file: "backend/fused.ts",
    from: "x.mul(inverseRms(x, eps)).mul(weight)",
    to: "x.mul(inverseRms(x, eps))",
  },
  { what: "linear: no bias", file: layers, from: 'w.has("bias") ?', to: 'w.has("biases") ?' },
  {
    what: "SwiGLU: gate and up swapped",
    file: layers,
    from: 'activations[act](linear(w.at("gate_proj"), x)))',
    to: 'activations[act](linear(w.at("up_proj"), x)))',
  },
  { what: "attention: scores are not scaled", file: attention, from: "q.mul(width ** -0.5)", to: "q.mul(width ** -0)" },
  {
    what: "grouped queries: neighbouring heads do not share their keys",
    file: attention,
    from: "const grouped = q.mul(width ** -0.5).reshape<tf.Tensor4D>(groupedShape(q.shape, keyValueHeads));",
    to: "const grouped = tf.concat(tf.split(q.mul(width ** -0.5), heads, 1).map((_, i, all) => all[(i % keyValueHeads) * (heads / keyValueHeads) + Math.floor(i / keyValueHeads)]), 1).reshape<tf.Tensor4D>(groupedShape(q.shape, keyValueHeads));",
  },
  {
    what: "attention as one op: the gradient of queries without their scale",
    file: "backend/fused-attention.ts",
    from: ".mul(q.shape[3] ** -0.5)",
    to: ".mul(1)",
  },
  {
    what: "attention as one op on wasm: no mask",
    file: "backend/wasm/fused.ts",
    from: "const hidden = mask ? passing(",
    to: "const hidden = false as boolean ? passing(",
  },
  {
    what: "attention in parts: the mask of the first part for all",
    file: attention,
    from: "Array.from({ length: count }, (_, i) => start + i)",
    to: "Array.from({ length: count }, (_, i) => i)",
  },
  {
    what: "attention in parts: a part begins a query late",
    file: attention,
    from: "q.slice([0, 0, start, 0]",
    to: "q.slice([0, 0, Math.min(start + 1, q.shape[2] - count), 0]",
  },
  {
    what: "attention in parts: the last part is as long as the others",
    file: attention,
    from: "count: Math.min(atATime, queries - start)",
    to: "count: queries - start > atATime ? atATime : Math.ceil((queries - start) / 2)",
  },
  {
    what: "attention received: the last part is lost",
    file: attention,
    from: "blocksOf(q, k).map(ofBlock)",
    to: "blocksOf(q, k).slice(0, Math.max(1, blocksOf(q, k).length - 1)).map(ofBlock)",
  },
  {
    what: "attention by rows: rows of the first sample for all",
    file: attention,
    from: "(sample * heads + head) * queries + row",
    to: "head * queries + row",
  },
  {
    what: "attention by rows: the mask of all queries for some",
    file: attention,
    from: "mask?.(rows && filledUp(rows))",
    to: "rows ? mask?.(rows.map(() => filledUp(rows)[0].map((_, i) => i))) : mask?.()",
  },
  {
    what: "attention by rows: what a tap has changed is computed again",
    file: attention,
    from: "if (rows) return attention ? rowsOf(attention, rows) : computed(rows);",
    to: "if (rows) return computed(rows);",
  },
  {
    what: "GELU: CLIP's constant is 1.7",
    file: "model/transformer/activations.ts",
    from: "x.mul(1.702)",
    to: "x.mul(1.6)",
  },
  {
    what: "GELU: the error function of x",
    file: "model/transformer/activations.ts",
    from: "x.mul(Math.SQRT1_2)",
    to: "x",
  },
  {
    what: "decoder: keys are not turned",
    file: decoder,
    from: 'k: rotate(splitHeads(linear(w.at("k_proj"), x), batch, config.numKeyValueHeads), rotation)',
    to: 'k: splitHeads(linear(w.at("k_proj"), x), batch, config.numKeyValueHeads)',
  },
  {
    what: "decoder: one norm for both halves",
    file: decoder,
    from: 'w.at("post_attention_layernorm")',
    to: 'w.at("input_layernorm")',
  },
  {
    what: "decoder: the MLP without its residual",
    file: decoder,
    from: "residual.add(tapRows(",
    to: "residual.mul(0).add(tapRows(",
  },
  {
    what: "decoder: new keys go in front of the cache",
    file: decoder,
    from: "tf.concat([past.keys, newKeys], 2)",
    to: "tf.concat([newKeys, past.keys], 2)",
  },
  {
    what: "attention ahead: the keys in reverse",
    file: decoder,
    from: "return { queries: q, keys: k, attention: undefined };",
    to: "return { queries: q, keys: k.reverse(2), attention: undefined };",
  },
  {
    what: "tied embeddings: not transposed back",
    file: decoder,
    from: "tf.matMul(tokenRows(x), embeddings, false, true)",
    to: "tf.matMul(tokenRows(x), embeddings.reverse(0), false, true)",
  },
  {
    what: "merging: tokens count alike, whatever they stand for",
    file: merging,
    from: "sizes[i] / total",
    to: "1 / rows.length",
  },
  {
    what: "merging: log of the size is left out",
    file: merging,
    from: "Math.log(rows.length)",
    to: "Math.log2(rows.length) * 0",
  },
  {
    what: "LLaVA: mean and deviation of the channels in reverse order",
    file: llava,
    from: "mean[channel]) / std[channel]",
    to: "mean[2 - channel]) / std[2 - channel]",
  },
  {
    what: "LLaVA: pixels up to 256",
    file: llava,
    from: "pixels[i * 3 + channel] / 255",
    to: "pixels[i * 3 + channel] / 256",
  },
  {
    what: "LLaVA: the crop is not centred",
    file: llava,
    from: "left: Math.floor((outer.width - width) / 2)",
    to: "left: 0",
  },
  {
    what: "LLaVA: the cropped picture does not cover",
    file: llava,
    from: "function coveringSize({ width, height }: Size, target: Size): Size {\n  return width * target.height >= height * target.width",
    to: "function coveringSize({ width, height }: Size, target: Size): Size {\n  return width * target.height <= height * target.width",
  },
  {
    what: "LLaVA: padding is rounded up",
    file: llava,
    from: "Math.trunc(mean[0] * 255)",
    to: "Math.ceil(mean[0] * 255)",
  },
  {
    what: "CLIP: features of the last block, not of the one before",
    file: "model/llava/config.ts",
    from: "const states = vision.numHiddenLayers + 1;\n  return",
    to: "const states = vision.numHiddenLayers + 2;\n  return",
  },
  {
    what: "CLIP: patches with rows and columns swapped",
    file: tower,
    from: ".transpose([0, 2, 1, 3]) // [I·3·rows, columns, side, side]",
    to: ".transpose([0, 2, 3, 1]) // [I·3·rows, columns, side, side]",
  },
  {
    what: "CLIP: no norm before the first block",
    file: tower,
    from: 'prefixTokens > 0 ? layerNorm(w.at("pre_layrnorm"), patches, vision.layerNormEps) : patches;',
    to: "patches as tf.Tensor;",
  },
  {
    what: "CLIP: the epsilon of another model",
    file: tower,
    from: 'layerNorm(w.at("layer_norm1"), rows, config.layerNormEps)',
    to: 'layerNorm(w.at("layer_norm1"), rows, 1e-3)',
  },
  {
    what: "class attention: begins at the class token",
    file: "model/llava/tower.ts",
    from: "row.slice([0, 0, 0, 1])",
    to: "row.slice([0, 0, 0, 0], [-1, -1, -1, row.shape[3] - 1])",
  },
  {
    what: "class attention: the mean, not the sum, of the heads",
    file: "model/llava/tower.ts",
    from: ".squeeze([2]).sum(1)",
    to: ".squeeze([2]).mean(1)",
  },
  {
    what: "key norms: of their mean, not their root",
    file: encode,
    from: "patches(keys).square().sum(-1).sqrt()",
    to: "patches(keys).square().mean(-1).sqrt()",
  },
  {
    what: "tower blocks: all heads as one",
    file: block,
    from: "splitHeads(tokenRows(x), images, heads)",
    to: "splitHeads(tokenRows(x), images, 1)",
  },
  {
    what: "tower blocks: a single head as several",
    file: block,
    from: "splitHeads(tokenRows(x), images, 1)",
    to: "splitHeads(tokenRows(x), images, heads)",
  },
  {
    what: "tower blocks: the sum, not the mean, over queries",
    file: block,
    from: ".div(q.shape[2])",
    to: ".div(1)",
  },
  {
    what: "tiles: the base tile counts as one of the grid",
    file: next,
    from: "const tile = firstTile + 1 +",
    to: "const tile = firstTile +",
  },
  {
    what: "tiles: their rows are as long as their columns",
    file: next,
    from: "Math.floor(row / side) * tiles.columns",
    to: "Math.floor(row / side) * tiles.rows",
  },
  {
    what: "tiles: cut off without the padding above",
    file: next,
    from: "local.top + Math.floor(cell / local.columns)",
    to: "Math.floor(cell / local.columns)",
  },
  {
    what: "tiles: taken column by column",
    file: tiles,
    from: "for (let top = 0; top < height; top += side)\n    for (let left = 0; left < width; left += side) {",
    to: "for (let left = 0; left < width; left += side)\n    for (let top = 0; top < height; top += side) {",
  },
  {
    what: "tiles: padded with white",
    file: tiles,
    from: "paddedPicture(scaled, resolution, [0, 0, 0])",
    to: "paddedPicture(scaled, resolution, [255, 255, 255])",
  },
  {
    what: "resolution: of two as good, the one that wastes more",
    file: resolution,
    from: "waste < least",
    to: "waste > least",
  },
  {
    what: "resolution: pinpoints are width and height",
    file: resolution,
    from: "const [tall, wide] of pinpoints",
    to: "const [wide, tall] of pinpoints",
  },
  {
    what: "unpadding: rounded, not cut",
    file: resolution,
    from: "return Math.trunc(Math.round(x * 1e7) / 1e7);",
    to: "return Math.round(x);",
  },
  {
    what: "newlines: one too many cells in a row",
    file: newline,
    from: "after: base + (row + 1) * columns - 1",
    to: "after: base + (row + 1) * columns",
  },
  {
    what: "newlines: cells do not make room for them",
    file: newline,
    from: "[base + i + Math.floor(i / columns)]",
    to: "[base + i]",
  },
  {
    what: "newlines: the text behind does not count them",
    file: newline,
    from: "length: base + rows * (columns + 1)",
    to: "length: base + rows * columns",
  },
  { what: "Qwen: every block sees everything", file: qwen, from: 'full ? "everything" : lengths', to: '"everything"' },
  {
    what: "Qwen: patches of a cell column by column",
    file: qwen,
    from: "Math.floor(cell / columns) * merge + Math.floor(patch / merge)",
    to: "Math.floor(cell / columns) * merge + (patch % merge)",
  },
  {
    what: "Qwen: values and keys swapped",
    file: qwen,
    from: "const [q, k, v] = tf.tidy(",
    to: "const [q, v, k] = tf.tidy(",
  },
  {
    what: "Qwen: rotary angles with a single axis",
    file: "model/qwen2_5-vl/rotary.ts",
    from: "pair < quarter ? 0 : 1",
    to: "pair < quarter ? 0 : 0",
  },
  {
    what: "Qwen: frequencies of the whole head",
    file: "model/qwen2_5-vl/rotary.ts",
    from: "(2 * j) / (headDim / 2)",
    to: "(2 * j) / headDim",
  },
  {
    what: "Qwen: rows and columns of ids swapped",
    file: "model/qwen2_5-vl/mrope.ts",
    from: "[0, Math.floor(cell / columns), cell % columns]",
    to: "[0, cell % columns, Math.floor(cell / columns)]",
  },
  {
    what: "windows: as many rows as columns at the edge",
    file: windows,
    from: "Math.min(top + side, rows)",
    to: "Math.min(top + side, columns)",
  },
  {
    what: "windows: patches do not return to their places",
    file: windows,
    from: "back[patch] = row;",
    to: "back[row] = patch;",
  },
  {
    what: "windows: a tap of the scores alone is not shown them",
    file: windows,
    from: "const watched = wants(tap,",
    to: "const watched = wants(noTap,",
  },
  {
    what: "windows: a tap of the attention alone is not shown it",
    file: windows,
    from: "|| wants(tap,",
    to: "|| wants(noTap,",
  },
  {
    what: "windows: scores behind a short window are 0",
    file: windows,
    from: "raw, MASKED, groups, rows",
    to: "raw, 0, groups, rows",
  },
  { what: "merger: the epsilon of LLaVA", file: merger, from: "VISION_EPS = 1e-6", to: "VISION_EPS = 1e-2" },
  {
    what: "merger: cells are merged in the order of windows",
    file: "model/qwen2_5-vl/encode.ts",
    from: "back[cell] = at;",
    to: "back[at] = cell;",
  },
  {
    what: "smart size: half a cell is rounded up",
    file: cells,
    from: "below % 2 === 0 ? below : below + 1",
    to: "below + 1",
  },
  {
    what: "smart size: too large a picture is rounded to the nearest cell",
    file: cells,
    from: "cell * Math.floor(pixels / shrink / cell)",
    to: "cell * Math.round(pixels / shrink / cell)",
  },
  {
    what: "smart size: a picture of exactly the most pixels is shrunk",
    file: cells,
    from: "rounded.width * rounded.height > most",
    to: "rounded.width * rounded.height >= most",
  },
  {
    what: "Qwen: channels and times of a patch swapped",
    file: cells,
    from: "for (let channel = 0; channel < 3; channel++)\n          for (let time = 0; time < times; time++)",
    to: "for (let time = 0; time < times; time++)\n          for (let channel = 0; channel < 3; channel++)",
  },
  {
    what: "Qwen: the order of patches in a cell",
    file: cells,
    from: "[top + Math.floor(patch / merge) * side, left + (patch % merge) * side]",
    to: "[top + (patch % merge) * side, left + Math.floor(patch / merge) * side]",
  },
  {
    what: "layouts: weights in memory are named as on the hub",
    file: layouts,
    from: "(model.language_model.*, model.$",
    to: "(model.language_model.*, $",
  },
  {
    what: "layouts: the projector's second layer is its activation",
    file: layouts,
    from: "mm_projector\\.2",
    to: "mm_projector\\.1",
  },
  {
    what: "taps: the features' shape has no class token where it is kept",
    file: "model/llava/taps.ts",
    from: 'full ? "N+1" : "N"}',
    to: '"N"}',
  },
  {
    what: "shapes: the first cell of a grid is one too late",
    file: "model/image-shape.ts",
    from: "cellCount({ grids: grids.slice(0, i) })",
    to: "cellCount({ grids: grids.slice(0, i) }) + (i > 0 ? 1 : 0)",
  },
];
