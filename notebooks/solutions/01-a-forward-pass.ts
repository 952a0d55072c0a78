/**
 * # Solutions: the forward pass
 *
 * To the exercises of [The forward pass of a VLM](../01-a-forward-pass.ipynb), on the same picture. Run them with
 * `npx tsx notebooks/solutions/01-a-forward-pass.ts`.
 */
import * as tf from "@tensorflow/tfjs";
import {
  batchOf,
  buildPrompt,
  disposeModel,
  forward,
  loadVlm,
  none,
  noTap,
  record,
  replace,
  run,
  shapesWeights,
  type Tap,
  type TapName,
  tensorsIn,
  useBackend,
} from "../../src/node.ts";
import { renderScenes, sceneOf } from "../../src/world.ts";

await useBackend("wasm");
const { model, tokenizer, template, preprocessing } = loadVlm(shapesWeights());
const [pixels] = await renderScenes([sceneOf("test", 8)], 96);
const batch = batchOf([preprocessing.prepare({ width: 96, height: 96, pixels })]);
const asking = (question: string) => ({
  ...batch,
  prompts: [buildPrompt(template, tokenizer, model.config.imageTokenId, question).ids],
});
const triangle = asking("What is the colour of the triangle?");
const square = asking("What is the colour of the big square?");

/** The first word of the answer. */
async function answerTo(inputs: typeof triangle, tap: Tap = noTap) {
  const result = await run(() => forward(model, inputs, none(), tap));
  const values = await result.logits.data();
  tf.dispose(tensorsIn(result));
  return tokenizer.tokenOf(values.indexOf(Math.max(...values)));
}
console.log(`${await answerTo(triangle)}, ${await answerTo(square)}`);

/**
 * ## 1. Layers that can be left out
 *
 * Setting `llm.N.attention_output` to 0 leaves the residual stream and the MLP of layer N as they are. The model does
 * without any single layer but the first. That does not prove that the others do nothing: where one is missing another
 * may do its work, and another question may need it.
 */
for (let layer = 0; layer < model.tapLayers.llm; layer++) {
  const tap = replace({ [`llm.${layer}.attention_output`]: (x: tf.Tensor) => tf.zerosLike(x) });
  console.log(`without the attention of layer ${layer}: ${await answerTo(triangle, tap)}`);
}

/**
 * ## 2. Another question
 *
 * From layer 2 on. Here is the share of what falls on the picture that falls on the square (rows 0 to 5, columns 2 to 6
 * of the grid), under both questions.
 */
const onSquare = (cell: number) => Math.floor(cell / 12) < 6 && cell % 12 >= 2 && cell % 12 <= 6;
for (const [name, inputs] of Object.entries({ triangle: triangle, square: square })) {
  const attention = record(
    Array.from({ length: model.tapLayers.llm }, (_, layer): TapName => `llm.${layer}.attention`),
  );
  tf.dispose(tensorsIn(await run(() => forward(model, inputs, none(), attention.tap))));
  const shares: string[] = [];
  for (let layer = 0; layer < model.tapLayers.llm; layer++) {
    const means = tf.tidy(() => attention.get(`llm.${layer}.attention`).mean(1).squeeze<tf.Tensor2D>([0]));
    const last = ((await means.array()) as number[][]).at(-1)?.slice(2, 146) ?? []; // <s> and USER: stand before
    means.dispose();
    const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
    shares.push((sum(last.filter((_, cell) => onSquare(cell))) / sum(last)).toFixed(2));
  }
  console.log(`asked for the ${name}: ${shares.join(" ")}`);
  attention.dispose();
}

/**
 * ## 3. The state of another question
 *
 * From layer 2 on, where it begins to look at the picture: what the last token carries there says what is asked for.
 * Both prompts are equally long, so that rows mean the same.
 */
for (let layer = 1; layer < model.tapLayers.llm; layer++) {
  const name: TapName = `llm.${layer}.tokens`;
  const other = record([name]);
  await answerTo(square, other.tap);
  const lastRow = (x: tf.Tensor) => x.slice([0, (x.shape[1] as number) - 1, 0]);
  const tap = replace({
    [name]: (x: tf.Tensor) =>
      tf.concat([x.slice([0, 0, 0], [1, (x.shape[1] as number) - 1, -1]), lastRow(other.get(name))], 1),
  });
  console.log(`the other question's last token before layer ${layer}: ${await answerTo(triangle, tap)}`);
  other.dispose();
}

batch.pixels.dispose();
disposeModel(model);
console.log(`tensors left: ${tf.memory().numTensors}`);
