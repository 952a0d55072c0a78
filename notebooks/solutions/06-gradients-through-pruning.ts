/**
 * # Solutions: gradients
 *
 * To the exercises of [Gradients through pruning](../06-gradients-through-pruning.ipynb), on the same picture. Run them
 * with `npx tsx notebooks/solutions/06-gradients-through-pruning.ts`.
 */
import * as tf from "@tensorflow/tfjs";
import { attribute } from "../../src/analysis.ts";
import {
  batchOf,
  buildPrompt,
  createMethod,
  disposeModel,
  type ForwardResult,
  forward,
  gradients,
  loadVlm,
  none,
  run,
  shapesWeights,
  tensorsIn,
  useBackend,
} from "../../src/node.ts";
import { renderScenes, sceneOf } from "../../src/world.ts";

await useBackend("wasm");
const { model, tokenizer, template, preprocessing } = loadVlm(shapesWeights());
const { config } = model;
const scene = sceneOf("test", 8);
const [drawn] = await renderScenes([scene], 96);
const prepared = preprocessing.prepare({ width: 96, height: 96, pixels: drawn });
const { ids } = buildPrompt(template, tokenizer, config.imageTokenId, "What is the colour of the triangle?");
const inputs = { ...batchOf([prepared]), prompts: [ids] };
const average = { ratio: 2 / 9 };
const nuwa = createMethod("nuwa", config, { average });
const [green, blue] = ["green", "blue"].map((word) => tokenizer.idOf(word) as number);

/**
 * ## 1. Another word
 *
 * The triangle lowers it. The green shapes hardly raise it: they are not asked about, and the last token does not look
 * at them (notebook 1).
 */
const { patches } = await attribute(model, inputs, nuwa, { token: green, steps: 4 });
for (const { box, size, colour, shape } of scene.shapes) {
  const [left, top, right, bottom] = box.map((edge) => edge * 12);
  const added = patches.reduce((sum, value, cell) => {
    const [x, y] = [cell % 12, Math.floor(cell / 12)];
    return sum + (x + 1 > left && x < right && y + 1 > top && y < bottom ? value : 0);
  }, 0);
  console.log(`${size} ${colour} ${shape}: ${Math.abs(added) < 0.5 ? "less than 0.5" : added.toFixed(1)}`);
}

/**
 * ## 2. The quantile of pillars
 *
 * The logit stays that of the hard selection; the gradient is that of the relaxed one. With the hard selection there is
 * no path from the logit to the quantile.
 */
const quantile = tf.scalar(0.55);
const logitOfBlue = ({ logits }: ForwardResult) =>
  tf.tidy(() => logits.flatten().slice([blue], [1]).squeeze<tf.Scalar>());
for (const selection of ["hard", "straight-through"] as const) {
  const method = createMethod("nuwa", config, { average: average, selection, constants: { pillarQuantile: quantile } });
  try {
    const found = await gradients(model, inputs, method, logitOfBlue, [quantile]);
    const [logit, slope] = [found.value, found.gradients[0]].map((one) => one.dataSync()[0]);
    console.log(`${selection}: logit ${logit.toFixed(2)}, its slope in the quantile ${slope.toFixed(2)}`);
    tf.dispose([found.value, ...found.gradients]);
  } catch (error) {
    console.log(`${selection}: ${(error as Error).message}`);
  }
}

/**
 * ## 3. The smallest step
 *
 * One step along the gradient of "green" minus "blue", every pixel by the same amount up or down (in units of the
 * normalised pixels; one unit is about 68 levels of 255). A model that was never trained against this needs little.
 */
const margin = ({ logits }: ForwardResult) =>
  tf.tidy(() => {
    const [one, other] = [green, blue].map((id) => logits.flatten().slice([id], [1]));
    return one.sub(other).squeeze<tf.Scalar>();
  });
for (const [name, method] of Object.entries({ unpruned: none(), pruned: nuwa })) {
  const found = await gradients(model, inputs, method, margin, [inputs.pixels]);
  let size = 0;
  let reached = found.value.dataSync()[0];
  while (reached < 0 && size < 2) {
    size += 0.02;
    const moved = tf.tidy(() => inputs.pixels.add(found.gradients[0].sign().mul(size)));
    const result = await run(() => forward(model, { ...inputs, pixels: moved }, method));
    reached = tf.tidy(() => margin(result).dataSync()[0]);
    tf.dispose([moved, ...tensorsIn(result)]);
  }
  console.log(`${name}: "green" is ahead of "blue" from a step of ${size.toFixed(2)}`);
  tf.dispose([found.value, ...found.gradients]);
}

tf.dispose([inputs.pixels, quantile]);
disposeModel(model);
console.log(`tensors left: ${tf.memory().numTensors}`);
