/**
 * # Solutions: three families
 *
 * To the exercises of [Three families](../08-three-families.ipynb). Run them with
 * `npx tsx notebooks/solutions/08-three-families.ts`.
 */
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import {
  batchOf,
  createPruning,
  disposeModel,
  enteringPerLayer,
  familyNamed,
  forward,
  initialWeights,
  type Pruning,
  preprocess,
  run,
  shapesWeights,
  tensorsIn,
  useBackend,
} from "../../src/node.ts";

await useBackend("wasm");
const IMAGE = 3; // the id that stands for an image in a prompt
const decoder = {
  ...{ vocab_size: 40, hidden_size: 24, intermediate_size: 48 },
  ...{ num_hidden_layers: 4, num_attention_heads: 2, num_key_value_heads: 2 },
};
const clip = { hidden_size: 16, intermediate_size: 32, num_hidden_layers: 4, num_attention_heads: 1 };
const vision = { ...clip, image_size: 336, patch_size: 14 };

/** An untrained model of a family, and how it prepares pictures. */
function modelOf(name: string, own: object) {
  const family = familyNamed(name);
  const config = family.parseConfig("notebook", { model_type: name, ...own });
  const weights = [...initialWeights(config, 1)].map(
    ([weight, { shape, values }]) => [weight, tf.tensor(values, [...shape])] as const,
  );
  const model = family.createModel(config, new Map(weights));
  return { config, model, preprocessing: family.parsePreprocessing("notebook", {}, config) };
}
const next = modelOf("llava_next", { image_token_index: IMAGE, vision_config: vision, text_config: decoder });
const qwen = modelOf("qwen2_5_vl", {
  ...decoder,
  image_token_id: IMAGE,
  vision_config: { depth: 4, hidden_size: 16, intermediate_size: 32, num_heads: 1, fullatt_block_indexes: [1, 3] },
  rope_scaling: { type: "mrope", mrope_section: [2, 2, 2] },
});

/** The ledger of a pass over a prompt of one token, an image and two tokens, and the id that comes behind the image. */
async function passOf({ model, preprocessing }: typeof next, file: string, method: Pruning) {
  const batch = batchOf([await preprocess(join(shapesWeights(), `../../docs/images/${file}`), preprocessing)]);
  const result = await run(() => forward(model, { ...batch, prompts: [[1, IMAGE, 5, 6]] }, method));
  const [ledger] = result.ledgers;
  const [position] = result.state.layers[0].nextPosition;
  tf.dispose([batch.pixels, ...tensorsIn(result)]);
  if (!ledger) throw new Error("the prompt has an image, so there is a ledger");
  return { ledger, next: position - 2 };
}

/**
 * ## 1. A square picture
 *
 * Of the grids that LLaVA-NeXT may choose, the one that shows the most of the picture is chosen: 2×2 tiles for a square
 * one, and the whole picture as a fifth. `chelsea.png` is wider than high and gets two side by side.
 */
for (const file of ["astronaut.png", "chelsea.png"]) {
  const batch = batchOf([await preprocess(join(shapesWeights(), `../../docs/images/${file}`), next.preprocessing)]);
  const [{ grids }] = next.model.shapesOf(batch);
  const sides = grids.map(({ rows, columns }) => `${rows}×${columns}`).join(" and ");
  console.log(`${file}: pixel_values [${batch.pixels.shape}], grids ${sides}`);
  batch.pixels.dispose();
}

/**
 * ## 2. The other reading
 *
 * The paper's quantile is 0.75 for every family: a quarter of what is kept are pillars. The released code has 0.1 for
 * Qwen2.5-VL and cuts one layer behind the middle; the paper's reading cuts in the middle.
 */
for (const variant of ["official", "paper"] as const) {
  const method = createPruning("nuwa", qwen.config, { average: { ratio: 1 / 4 }, variant });
  const { ledger } = await passOf(qwen, "chelsea.png", method);
  const pillars = ledger.tokens.filter(({ pillar }) => pillar).length;
  console.log(
    `${variant}: ${pillars} of ${ledger.tokens.length} are pillars; per layer ${enteringPerLayer(ledger).join(" ")}`,
  );
}

/**
 * ## 3. Compressed ids
 *
 * LLaVA-NeXT's text goes on behind as many ids as tokens are left, newlines among them. In Qwen2.5-VL only rows and
 * columns without any token are left out: here the longer side becomes two shorter.
 */
for (const [name, one] of Object.entries({ next: next, qwen: qwen })) {
  for (const positions of ["original", "compressed"] as const) {
    const method = createPruning("nuwa", one.config, { average: { ratio: 1 / 4 }, positions });
    const found = await passOf(one, "chelsea.png", method);
    console.log(`${name}, ${positions}: the text goes on at ${found.next}`);
  }
}

for (const { model } of [next, qwen]) disposeModel(model);
console.log(`tensors left: ${tf.memory().numTensors}`);
