/**
 * # Where the tokens go
 *
 * One image through both prunings, step by step, drawn as text. Everything used here is exported by
 * the entry points of `src/`. Run it with `npx tsx notebooks/01-where-the-tokens-go.ts`.
 */
import * as tf from "@tensorflow/tfjs";
import {
  alignAnchors,
  averageTokens,
  createMethod,
  createModel,
  enteringPerLayer,
  forward,
  initialWeights,
  parseConfig,
  pillarsAmong,
  quantile,
  record,
  regionsOf,
  run,
  tensorsIn,
  useBackend,
  weightTensor,
} from "../src/node.ts";

/**
 * ## A model small enough to look at
 *
 * An untrained LLaVA with 8×8 patches. Its weights follow from a seed; what it attends to is arbitrary,
 * but the mechanism is the same as in a trained one.
 */
await useBackend("wasm");
const config = parseConfig("notebook", {
  model_type: "llava",
  image_token_index: 3,
  vision_config: {
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 6,
    num_attention_heads: 4,
    image_size: 64,
    patch_size: 8,
  },
  text_config: { hidden_size: 32, intermediate_size: 64, num_hidden_layers: 6, num_attention_heads: 4, vocab_size: 64 },
});
const weights = [...initialWeights(config, 1)].map(
  ([name, { shape, values }]) => [name, weightTensor(name, values, shape)] as const,
);
const model = createModel(config, new Map(weights));
const grid = { rows: 8, columns: 8 };

/** An image: a bright disc on a dark ground, up and to the left. */
const pixels = tf.tidy(() => {
  const inside = Array.from(
    { length: 64 * 64 },
    (_, i) => ((i % 64) - 24) ** 2 + (Math.floor(i / 64) - 20) ** 2 < 14 ** 2,
  );
  return tf
    .tensor4d(
      inside.map((bright) => (bright ? 2 : -1)),
      [1, 1, 64, 64],
    )
    .tile([1, 3, 1, 1]) as tf.Tensor4D;
});
const prompt = [1, 10, 11, 3, 12, 13, 14]; // 3 stands for the image

/** Draws the grid, one character a patch. */
const draw = (title: string, character: (patch: number) => string) => {
  console.log(`\n${title}`);
  for (let row = 0; row < grid.rows; row++)
    console.log(
      `  ${Array.from({ length: grid.columns }, (_, column) => character(row * grid.columns + column)).join(" ")}`,
    );
};

/**
 * ## Stage 1 by hand
 *
 * The salience of a patch is the attention that the class token pays it. It is read out of a forward
 * pass through a tap; then separation and alignment are two calls.
 */
const recorder = record(["vision.cls_attention", "stage1.indices", "stage1.pillars", "stage2.indices"]);
const method = createMethod("nuwa", config, { average: { ratio: 2 / 9 }, variant: "official" });
const result = await run(() => forward(model, { pixels, prompts: [prompt] }, method, recorder.tap));

const salience = await recorder.get("vision.cls_attention").data();
const highest = Math.max(...salience);
draw("salience, 0-9", (patch) => String(Math.floor((9.99 * salience[patch]) / highest)));
draw("regions of 2×2", (patch) =>
  String.fromCharCode(97 + regionsOf(grid, 2).findIndex((region) => region.includes(patch))),
);

const keep = 25; // 7/4 of the average, 2/9 of 64
const anchors = alignAnchors(salience, grid, { keep, regionSize: 2 });
const scores = anchors.map((patch) => salience[patch]);
const pillars = pillarsAmong(scores, quantile(scores, 0.55));
draw("anchors: P pillars, c collectors", (patch) =>
  anchors.includes(patch) ? (pillars[anchors.indexOf(patch)] ? "P" : "c") : "·",
);

/** The forward pass came to the same. */
const same = anchors.join() === [...(await recorder.get("stage1.indices").data())].join();
console.log(`\nby hand and in the forward pass: ${same ? "the same anchors" : "DIFFERENT anchors"}`);
if (!same) process.exitCode = 1;

/**
 * ## What each collector gathered
 *
 * The ledger knows, for every token, its cell, its position id and the weights of the patches in it.
 */
const [ledger] = result.ledgers;
if (!ledger) throw new Error("the prompt has an image, so there is a ledger");
const collector = ledger.tokens.find((token) => token.pillar === false);
if (collector?.weights) {
  const most = Math.max(...collector.weights);
  draw(`the patches in the collector at cell ${collector.cell}, position id ${collector.position}, 0-9`, (patch) =>
    collector.weights?.[patch] ? String(Math.floor((9 * collector.weights[patch]) / most)) : "·",
  );
}

/** ## Stage 2: what goes on from the middle of the decoder */
const survivors = new Set(ledger.tokens.filter((token) => token.layers === ledger.layers).map((token) => token.cell));
draw("survivors of stage 2", (patch) => (survivors.has(patch) ? "#" : "·"));
const perLayer = enteringPerLayer(ledger);
console.log(
  `\nvisual tokens entering each layer: ${perLayer.join(" ")}, on average ${averageTokens(perLayer).toFixed(1)} of 64`,
);

recorder.dispose();
tf.dispose([pixels, ...tensorsIn(result), ...model.tensors.values()]);
console.log(`tensors left: ${tf.memory().numTensors}`);
