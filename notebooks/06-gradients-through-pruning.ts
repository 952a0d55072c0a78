/**
 * # Gradients through pruning
 *
 * A pruned pass is differentiable in all but the choice itself: pixels, weights, features, aggregation and two of stage
 * 1's constants have exact gradients, and a soft selection gives the others one. We use that twice: to ask which
 * patches an answer comes from (attribution), and to learn a constant (tuning). Everything used here is exported by the
 * entry points of `src/`; docs/gradients.md has the theory. Run it with
 * `npx tsx notebooks/06-gradients-through-pruning.ts`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { attribute } from "../src/analysis.ts";
import {
  batchOf,
  buildPrompt,
  createMethod,
  disposeModel,
  drawPanels,
  type ForwardResult,
  forward,
  gradients,
  loadVlm,
  none,
  type PicturePanel,
  run,
  shapesWeights,
  tensorsIn,
  useBackend,
} from "../src/node.ts";
import { type AnsweredBatch, answerLoss, tune, tuneRecipe } from "../src/train.ts";
import { questionRandom, questionsFor, renderScenes, sceneOf } from "../src/world.ts";
import { picture } from "./picture.mjs";

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
const result = await run(() => forward(model, inputs, nuwa));
const logits = await result.logits.data();
const token = logits.indexOf(Math.max(...logits));
console.log(`answer: ${tokenizer.tokenOf(token)}`);

/**
 * ## Which pixels
 *
 * The gradient of the answer's logit with respect to the pixels, without pruning and with it. `gradients` makes the
 * selections first, outside the tape, and holds them fixed: between two selections the logit is a smooth function.
 * A map has the size of the gradient, summed over each patch.
 */
const logitOf = (id: number) => (pass: ForwardResult) =>
  tf.tidy(() => pass.logits.flatten().slice([id], [1]).squeeze<tf.Scalar>());
const grid = { rows: 12, columns: 12 };
const slopes: PicturePanel[] = [];
for (const [name, method] of Object.entries({ unpruned: none(), pruned: nuwa })) {
  const found = await gradients(model, inputs, method, logitOf(token), [inputs.pixels]);
  const map = tf.tidy(() => found.gradients[0].abs().reshape([3, 12, 8, 12, 8]).sum([0, 2, 4])); // [12, 12]
  slopes.push({ title: `${name}: gradient of the pixels`, values: await map.data() });
  tf.dispose([map, found.value, ...found.gradients]);
}
const [clean] = await renderScenes([{ ...scene, noise: 0 }], 480); // without its noise, to see better
const shown = { width: 480, height: 480, pixels: clean };
await picture(
  "06-pixels",
  "the pixels that the answer hangs on",
  await drawPanels({ picture: shown, grid: grid, panels: [{ title: "the picture" }, ...slopes], columns: 3 }),
);

/**
 * ## Which patches
 *
 * A gradient says what a small change does. *Integrated gradients* (Sundararajan, Taly and Yan, 2017) divide the whole
 * change of the logit, from features that say nothing (here the mean of the image's) to those of the image: what all
 * patches add sums to that change. Under pruning a patch adds through the tokens that it was mixed into.
 */
const { patches, tokens, contributions, logit, baselineLogit, residual } = await attribute(model, inputs, nuwa, {
  token: token,
  steps: 8,
});
const sum = patches.reduce((all, value) => all + value, 0);
console.log(`logit ${logit.toFixed(2)}, with features that say nothing ${baselineLogit.toFixed(2)}`);
console.log(
  `the patches add ${sum.toFixed(2)} in all; what is missing is the error of 8 steps: ${residual.toFixed(1)}`,
);

const [ledger] = result.ledgers;
if (!ledger) throw new Error("the prompt has an image, so there is a ledger");
const kept = new Map(ledger.tokens.map(({ cell, pillar }) => [cell, pillar]));
const fromDropped = patches.reduce((all, value, cell) => all + (kept.has(cell) ? 0 : value), 0);
console.log(`of that ${fromDropped.toFixed(2)} come from patches that were dropped, through collectors`);
const withRole = (pillar: boolean) => [...kept].flatMap(([cell, role]) => (role === pillar ? [cell] : []));
const gathers = (token: number) => (ledger.tokens[token].pillar ? 0 : Math.abs(tokens[token]));
const collector = tokens.reduce((most, _, token) => (gathers(token) > gathers(most) ? token : most), 0);
const { cell } = ledger.tokens[collector];
const [own, sources] = [contributions[collector][cell], contributions[collector].filter((value) => value !== 0).length];
console.log(`collector at cell ${cell} adds ${tokens[collector].toFixed(2)}, of that its own patch ${own.toFixed(2)}`);
console.log(`it is mixed from ${sources} patches`);
await picture(
  "06-attribution",
  "what was kept, and what each patch adds to the answer (below 0: lowers it)",
  await drawPanels({
    picture: shown,
    grid: grid,
    panels: [
      {
        title: "what was kept",
        kept: [...kept.keys()],
        marks: [
          { mark: "pillar", cells: withRole(true), text: "pillars" },
          { mark: "collector", cells: withRole(false), text: "collectors" },
        ],
      },
      { title: "what each patch adds", values: patches },
      { title: "size, through one collector", values: contributions[collector].map(Math.abs) },
    ],
    columns: 3,
  }),
);

/**
 * ## The gradient of a constant
 *
 * The distance threshold τ says how far a collector gathers; as a fraction f of the largest squared distance,
 * τ² = f·((H−1)² + (W−1)²). Here is the gradient of the loss of a right answer with respect to f, and what finite
 * differences say, at an average of 1/9 and for four questions about a scene on which this few tokens are too few.
 */
const learning = sceneOf("tuning", 6);
const [learnt] = await renderScenes([learning], 96);
const asked = questionsFor(learning, questionRandom(learning))
  .filter(({ family }) => family !== "grounding")
  .slice(0, 4);
const data: AnsweredBatch = {
  images: asked.map(() => preprocessing.prepare({ width: 96, height: 96, pixels: learnt })),
  prompts: asked.map(({ text }) => buildPrompt(template, tokenizer, config.imageTokenId, text).ids),
  answers: asked.map(({ answer }) => [...tokenizer.encode(answer, false), ...config.text.eosTokenIds]),
};
const few = { ratio: 1 / 9 };
const lossAt = (distanceFraction: number | tf.Scalar) =>
  answerLoss(model, data, createMethod("nuwa", config, { average: few, constants: { distanceFraction } }));
const numberOf = (make: () => tf.Tensor) => tf.tidy(() => make().dataSync()[0]);
const slope = numberOf(() => tf.grad((f) => lossAt(f as tf.Scalar))(tf.scalar(0.25)));
const step = 0.002;
const difference = (numberOf(() => lossAt(0.25 + step)) - numberOf(() => lossAt(0.25 - step))) / (2 * step);
console.log(`d loss / d f at 0.25: ${slope.toFixed(2)} by autodiff, ${difference.toFixed(2)} by differences`);

/**
 * ## Tuning
 *
 * `tune` descends along such gradients with AdamW. A problem is data and a loss: here it is the four questions above,
 * few enough to be learnt by heart, which is not what one wants of constants. `nuwa tune` takes 256 scenes and holds
 * out 64.
 */
const recipe = tuneRecipe({ variant: "official", family: "llava", average: "1/9", seed: 1, steps: 5 }, "notebook 6");
const folder = join(mkdtempSync(join(tmpdir(), "nuwa-notebook-")), "tuned");
const losses: number[] = [];
const { constants } = await tune(
  { ...recipe, stage: { ...recipe.stage, warmup: 1, peak: 0.8, validateEvery: 5 } },
  {
    prepare: async () => data,
    loss: ({ distanceFraction }, batch) =>
      answerLoss(model, batch, createMethod("nuwa", config, { average: few, constants: { distanceFraction } })),
    heldOut: async ({ distanceFraction }) => numberOf(() => lossAt(distanceFraction)),
  },
  {
    folder,
    resume: false,
    saveEvery: 5,
    stopped: () => false,
    observer: { step: ({ loss }) => losses.push(loss), figures: () => undefined, saved: () => undefined },
  },
);
rmSync(join(folder, ".."), { recursive: true });
console.log(`loss ${losses.map((loss) => loss.toFixed(3)).join(" ")}`);
console.log(`f from ${recipe.start.distanceFraction.toFixed(3)} to ${constants.distanceFraction.toFixed(3)}`);

/**
 * ## Exercises
 *
 * 1. Explain another word: which patches raise the logit of "green", and which lower it?
 * 2. The quantile of pillars has no gradient with hard selection. Compute it with `selection: "straight-through"`.
 * 3. Move the pixels a little along the gradient of "green" minus "blue", until the answer changes. How large a step
 *    does it take, with and without pruning?
 *
 * [Solutions](solutions/06-gradients-through-pruning.ipynb)
 */
tf.dispose([inputs.pixels, ...tensorsIn(result)]);
disposeModel(model);
console.log(`tensors left: ${tf.memory().numTensors}`);
