/**
 * # Stage 1 by hand
 *
 * Separation, alignment and aggregation, one after the other, on a grid small enough to see: the picture of a
 * scene of shapes in 12×12 patches, and the small model in `weights/shapes`. Paper: section 3.1. Everything used here
 * is exported by the entry points of `src/`. Run it with `npx tsx notebooks/03-stage-1-by-hand.ts`.
 */
import * as tf from "@tensorflow/tfjs";
import {
  aggregate,
  aggregationWeights,
  alignAnchors,
  createMethod,
  disposeModel,
  distanceThreshold,
  drawPanels,
  forward,
  loadModel,
  noTap,
  type PicturePanel,
  pillarsAmong,
  quantile,
  record,
  regionsOf,
  requireLlava,
  run,
  shapesWeights,
  similarityFeatures,
  tensorsIn,
  useBackend,
} from "../src/node.ts";
import { renderScenes, sceneOf } from "../src/world.ts";
import { picture } from "./picture.mjs";

await useBackend("wasm");
const model = requireLlava(loadModel(shapesWeights()));
const { vision, imageTokenId } = model.config;
const grid = { rows: vision.imageSize[0] / vision.patchSize, columns: vision.imageSize[1] / vision.patchSize };
console.log(`${grid.rows}×${grid.columns} patches of ${vision.patchSize} pixels`);

/**
 * ## A scene
 *
 * Scenes follow from a split and a seed. `drawPanels` draws values, kept patches and marks over one.
 */
const scene = sceneOf("test", 12);
console.log(scene.shapes.map(({ size, colour, shape }) => `${size} ${colour} ${shape}`).join(", "));
const [clean] = await renderScenes([{ ...scene, noise: 0 }], 480); // without its noise, to see better
const shown = { width: 480, height: 480, pixels: clean };
/** The scene with something on its patches. */
const drawn = (...panels: PicturePanel[]) => drawPanels({ picture: shown, grid: grid, panels: panels });

/**
 * ## Salience
 *
 * A patch is worth what the class token's attention gives it, summed over heads, in the block whose output
 * LLaVA reads. (This is the released code's reading, `official`. The paper multiplies by the norm of the patch's key.)
 */
const [bytes] = await renderScenes([scene], vision.imageSize[0]);
const pixels = tf.tidy(
  () =>
    tf
      .tensor3d(Float32Array.from(bytes), [...vision.imageSize, 3])
      .div(255)
      .sub([0.48145466, 0.4578275, 0.40821073])
      .div([0.26862954, 0.26130258, 0.27577711])
      .transpose([2, 0, 1])
      .expandDims(0) as tf.Tensor4D,
);
const states = Array.from({ length: vision.numHiddenLayers + 1 }, (_, i) => `vision.hidden_states.${i}` as const);
const seen = record([...states, "vision.features", "vision.cls_attention", "stage1.indices", "stage1.tokens"]);
const method = createMethod("nuwa", model.config, { average: { ratio: 1 / 9 }, variant: "official" });
const prompt = [1, imageTokenId, 5]; // <s>, the image, and a word: stage 1 does not look at the text
const result = await run(() => forward(model, { pixels, prompts: [prompt] }, method, seen.tap));

const salience = (await seen.get("vision.cls_attention").data()) as Float32Array;
await picture(
  "03-salience",
  "salience: the attention that the class token pays to each patch",
  await drawn({ title: "the scene" }, { title: "salience", values: salience }),
);

/**
 * ## Separation
 *
 * The grid is cut into regions of 2×2 patches. Each may send its best patches, so no corner of the picture is left out
 * because another one shines. The best patch of each region:
 */
const regions = regionsOf(grid, 2);
const bestOf = regions.map((region) => region.reduce((best, p) => (salience[p] > salience[best] ? p : best)));
await picture(
  "03-separation",
  "36 regions and the best patch of each",
  await drawn({
    title: "the best of each region",
    regionSize: 2,
    marks: [{ mark: "merged", cells: bestOf, text: "best patch" }],
  }),
);

/**
 * ## Alignment
 *
 * An average of 1/9 of 144 tokens means k = 28 before the decoder. With 36 regions one candidate a region is enough
 * (n = 1), and the 28 best of the 36 stay: eight regions are left empty. docs/invariants.md says how far a patch can
 * then be from its nearest anchor.
 *
 * Anchors whose salience reaches the 0.55-quantile become **pillars**: they stay unmixed. The others are
 * **collectors**.
 */
const keep = 28;
const anchors = alignAnchors(salience, grid, { keep, regionSize: 2 });
const scores = anchors.map((p) => salience[p]);
const pillars = pillarsAmong(scores, quantile(scores, 0.55));
console.log(
  `${anchors.length} anchors, ${pillars.filter(Boolean).length} of them pillars; regions without one: ${
    regions.filter((region) => !region.some((p) => anchors.includes(p))).length
  }`,
);
await picture(
  "03-alignment",
  "pillars and collectors; what is dark is dropped",
  await drawn({
    title: "28 anchors",
    kept: anchors,
    regionSize: 2,
    marks: [
      { mark: "pillar", cells: anchors.filter((_, i) => pillars[i]), text: "pillars" },
      { mark: "collector", cells: anchors.filter((_, i) => !pillars[i]), text: "collectors" },
    ],
  }),
);

/**
 * ## Aggregation
 *
 * A collector gathers what its neighbourhood lost: patch j goes into token i with
 * ReLU(cos(Xᵢ, Xⱼ)) · (1 − min(1, dᵢⱼ/τ)), X being the mean of the last third of the hidden states and d the distance
 * in the grid. Here are the weights of the collector that gathers from the most patches.
 */
const tau = distanceThreshold(grid);
const weights = tf.tidy(() =>
  aggregationWeights(
    similarityFeatures(
      {
        blocks: states.length - 1,
        fullAttentionBlocks: [],
        meanState: (first, last) => {
          const averaged = states.slice(first, last + 1).map((name) => seen.get(name));
          return tf.addN(averaged).div(averaged.length).slice([0, 1, 0]) as tf.Tensor3D; // without the class token
        },
      },
      "last-third",
    ),
    { indices: [anchors], pillars: [pillars] },
    grid,
    tau,
    "self-overwritten",
    noTap,
  ),
);
const rows = (await weights.array())[0];
const gathered = rows.map((row) => row.filter((weight) => weight > 0).length);
const collector = gathered.indexOf(Math.max(...gathered));
const sum = rows[collector].reduce((all, weight) => all + weight, 0);
console.log(
  `τ = ${tau.toFixed(2)} patches; collector at patch ${anchors[collector]} gathers from ${gathered[collector]} patches`,
);
console.log(
  `its weights sum to ${sum.toFixed(3)}: the released code sets the entry of the token itself to 1 afterwards`,
);
await picture(
  "03-aggregation",
  "weights of one collector: what it gathers from its neighbourhood",
  await drawn({
    title: "weights of one collector",
    values: rows[collector].map((weight, p) => (p === anchors[collector] || weight === 0 ? Number.NaN : weight)),
    marks: [{ mark: "own", cells: [anchors[collector]], text: "itself, weight 1" }],
  }),
);

/**
 * The tokens are these mixtures of features. The forward pass, which did all this too, came to the same anchors and
 * the same tokens.
 */
const tokens = tf.tidy(() => aggregate(weights, seen.get("vision.features") as tf.Tensor3D));
const difference = tf.tidy(() => tokens.sub(seen.get("stage1.tokens")).abs().max().dataSync()[0]);
const sameAnchors = anchors.join() === [...(await seen.get("stage1.indices").data())].join();
console.log(
  `by hand and in the forward pass: anchors ${sameAnchors ? "equal" : "DIFFERENT"}, ` +
    `tokens equal to within 1e-5: ${difference < 1e-5}`,
);
if (!sameAnchors || difference > 1e-5) throw new Error("stage 1 by hand and in the forward pass differ");

/**
 * ## Exercises
 *
 * 1. `"sum-to-one"` instead of `"self-overwritten"` is the paper's normalisation. What do the weights of a collector
 *    sum to then, and how much of it is its own patch?
 * 2. Take regions of 3×3 and 4×4 patches. How many regions are left empty, and how many anchors hold a full one?
 * 3. `salience` times the norms of the keys (tap `vision.key_norms`) is the paper's salience. How many anchors change?
 *
 * [Solutions](solutions/03-stage-1-by-hand.ipynb)
 */
tf.dispose([weights, tokens, pixels, ...tensorsIn(result)]);
seen.dispose();
disposeModel(model);
console.log(`tensors left: ${tf.memory().numTensors}`);
