/**
 * # Three families, one photograph
 *
 * LLaVA-1.5, LLaVA-NeXT and Qwen2.5-VL make different grids, tokens and position ids of the same picture. Here are all
 * three side by side, and what Nüwa then keeps. Everything used here is exported by the entry points of `src/`. Run it
 * with `npx tsx notebooks/08-three-families.ts`. The same in drawings, with sources: docs/families.md.
 */
import * as tf from "@tensorflow/tfjs";
import {
  averageTokens,
  createPruning,
  disposeModel,
  drawRun,
  enteringPerLayer,
  familyNamed,
  forward,
  gridLedgers,
  initialWeights,
  none,
  type Pruning,
  preprocess,
  run,
  type SampleLedger,
  tensorsIn,
  useBackend,
} from "../src/node.ts";
import { inRepository, picture } from "./picture.mjs";

/**
 * ## Small models that see what the published ones see
 *
 * Grids and ids follow from the size of the pixels, of the patches and of the picture, and these are the published
 * ones. Widths and depths are small, and weights follow from a seed: what such a model attends to is arbitrary.
 */
await useBackend("wasm");
const IMAGE = 3; // the id that stands for an image in a prompt
const clip = { hidden_size: 16, intermediate_size: 32, num_hidden_layers: 4, num_attention_heads: 1 };
const decoder = {
  ...{ vocab_size: 40, hidden_size: 24, intermediate_size: 48 },
  ...{ num_hidden_layers: 4, num_attention_heads: 2, num_key_value_heads: 2 },
};
const configs = {
  llava: { image_aspect_ratio: "pad", vision_config: { ...clip, image_size: 336, patch_size: 14 } },
  llava_next: { vision_config: { ...clip, image_size: 336, patch_size: 14 } },
  qwen2_5_vl: {
    vision_config: { depth: 4, hidden_size: 16, intermediate_size: 32, num_heads: 1, fullatt_block_indexes: [1, 3] },
    rope_scaling: { type: "mrope", mrope_section: [2, 2, 2] },
  },
};
const families = Object.entries(configs).map(([name, own]) => {
  const family = familyNamed(name);
  const text = name === "qwen2_5_vl" ? { ...decoder, image_token_id: IMAGE } : { text_config: decoder };
  const json = { model_type: name, image_token_index: IMAGE, ...own, ...text };
  const config = family.parseConfig("notebook", json);
  const weights = [...initialWeights(config, 1)].map(
    ([weight, { shape, values }]) => [weight, tf.tensor(values, [...shape])] as const,
  );
  const model = family.createModel(config, new Map(weights));
  return { name, config, model, preprocessing: family.parsePreprocessing("notebook", {}, config) };
});

/**
 * ## Pixels
 *
 * LLaVA-1.5 pads the picture to a square. LLaVA-NeXT stretches the whole of it to one tile and cuts a larger one into
 * further tiles. Qwen2.5-VL stretches both sides to multiples of 28 pixels and gives patches as rows.
 */
const seen = [];
for (const family of families) {
  const image = await preprocess(inRepository("docs/images/chelsea.png"), family.preprocessing);
  const sizes = image.size ? [image.size] : undefined;
  console.log(`${family.name}: pixel_values [${image.pixelValues.shape}]${sizes ? `, beside it [${sizes}]` : ""}`);
  seen.push({ ...family, image, sizes });
}

/**
 * ## Grids and ids
 *
 * A prompt of one token, the image and two tokens, without pruning. The ledger of a pass says which cell each visual
 * token stands for, and its position ids: one each, in Qwen2.5-VL three, for time, row and column. LLaVA-NeXT's ids
 * have gaps, which are those of the newlines behind each row of the local grid. In Qwen2.5-VL the text goes on behind
 * the longer side of the grid, not behind all its tokens.
 */
type Seen = (typeof seen)[number];
const pass = async ({ model, image, sizes }: Seen, method: Pruning) => {
  const pixels = tf.tensor(image.pixelValues.values, [...image.pixelValues.shape]);
  const result = await run(() => forward(model, { pixels, sizes, prompts: [[1, IMAGE, 5, 6]] }, method));
  const ledger = result.ledgers[0] as SampleLedger;
  const [next] = result.state.layers[0].nextPosition;
  tf.dispose([pixels, ...tensorsIn(result)]);
  return { ledger, next: next - 2 }; // less the two tokens behind the image
};
for (const one of seen) {
  const { ledger, next } = await pass(one, none());
  const grids = ledger.images[0].grids.map(({ rows, columns }) => `${rows}×${columns}`).join(" and ");
  const [first, second] = ledger.tokens.map(({ position }) => `(${position})`);
  console.log(`${one.name}: ${grids} cells, ${ledger.total} visual tokens`);
  console.log(`  ids ${first} ${second} … (${ledger.tokens.at(-1)?.position}), the text goes on at ${next}`);
}

/**
 * ## Nüwa in each
 *
 * Asked for a quarter of all tokens on average. LLaVA-1.5 keeps 7/4 of it before the decoder and 1/4 behind the cut.
 * LLaVA-NeXT prunes both grids, as much for each tile, and leaves a tenth behind the cut. Qwen2.5-VL keeps fewer before
 * and more behind, and cuts one layer later, of the four here. Kept tokens keep their ids, so that the text goes on
 * where it did above.
 */
for (const one of seen) {
  const { ledger, next } = await pass(one, createPruning("nuwa", one.config, { average: { ratio: 1 / 4 } }));
  const counts = enteringPerLayer(ledger);
  const kept = gridLedgers(ledger).map(({ tokens }) => tokens.size);
  const pillars = ledger.tokens.filter(({ pillar }) => pillar).length;
  console.log(`${one.name}: ${kept.join(" + ")} kept, ${pillars} of them pillars; per layer ${counts.join(" ")}`);
  console.log(`  average ${averageTokens(counts)} of ${ledger.total}, the text goes on at ${next}`);
}

/**
 * ## A picture of it
 *
 * What `nuwa ask --out` draws, here of Qwen2.5-VL: pillars are filled orange squares, collectors open blue rings.
 * In this family nine of ten kept cells are pillars by the released code.
 */
const qwen = seen[2];
const { ledger } = await pass(qwen, createPruning("nuwa", qwen.config, { average: { ratio: 1 / 4 } }));
const drawing = await drawRun({ images: [{ grids: qwen.image.pictures }], ledger, regionSize: 2 });
await picture("08-qwen", "the cells that Nüwa keeps in Qwen2.5-VL", drawing);

/**
 * ## Exercises
 *
 * 1. Another picture: `docs/images/astronaut.png` is square. How many tiles does LLaVA-NeXT cut it into?
 * 2. `variant: "paper"` beside `average`: how many pillars are there now, and where does Qwen2.5-VL cut?
 * 3. `positions: "compressed"`: where does the text go on now?
 *
 * [Solutions](solutions/08-three-families.ipynb)
 */
for (const { model } of seen) disposeModel(model);
console.log(`tensors left: ${tf.memory().numTensors}`);
