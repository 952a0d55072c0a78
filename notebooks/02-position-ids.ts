/**
 * # Why pruning breaks grounding: position ids
 *
 * A decoder does not see a grid. Each visual token enters it with a *position id*, and rotary embeddings turn queries
 * and keys by these ids. A model that learnt where things are from ids loses the places when a pruner numbers the
 * kept tokens anew, although it keeps the tokens themselves. The paper calls what is lost the global spatial reference
 * frame (section 2.3). Here we keep the same tokens of one picture, change nothing but their ids, and watch the box
 * move. Run it with `npx tsx notebooks/02-position-ids.ts`.
 *
 * The model is `weights/no-places`: no loss of its training wrote places into the tokens, so that it reads them off the
 * ids. In `weights/shapes`, which had such a loss, ids matter much less (docs/results.md); exercise 1 looks at it.
 */
import * as tf from "@tensorflow/tfjs";
import {
  answerPrompts,
  type Box,
  batchOf,
  buildPrompt,
  createMethod,
  disposeModel,
  drawPanels,
  loadVlm,
  type Method,
  none,
  type PicturePanel,
  type Position,
  type PositionFunction,
  parseBox,
  useBackend,
} from "../src/node.ts";
import { boxText, questionRandom, questionsFor, renderScenes, type Scene, sceneOf } from "../src/world.ts";
import { inRepository, picture } from "./picture.mjs";

await useBackend("wasm");
const vlm = loadVlm(inRepository("weights/no-places"));
const { config } = vlm.model;

/**
 * ## Asking
 *
 * What is asked goes through one forward pass under a method and is then decoded. A box is right, as in the paper, when
 * its intersection with the true box is at least half of their union (IoU).
 */
/** The boxes that the model answers with under a method, one question about each scene. */
async function boxesOf(asked: readonly { scene: Scene; text: string }[], method: Method) {
  const drawn = await renderScenes(
    asked.map(({ scene }) => scene),
    96,
  );
  const inputs = batchOf(drawn.map((pixels) => vlm.preprocessing.prepare({ width: 96, height: 96, pixels })));
  const prompts = asked.map(({ text }) => buildPrompt(vlm.template, vlm.tokenizer, config.imageTokenId, text).ids);
  const answers = await answerPrompts(vlm.model, vlm.tokenizer, { ...inputs, prompts }, method);
  inputs.pixels.dispose();
  return answers.map(({ text, ledger }) => ({ box: parseBox(text), ledger }));
}

/** Intersection over union; 0 without a box. */
function iou(a: Box | undefined, b: Box): number {
  if (!a) return 0;
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = ([x0, y0, x1, y1]: Box) => (x1 - x0) * (y1 - y0);
  return (width * height) / (area(a) + area(b) - width * height);
}

/**
 * ## One picture
 *
 * Scene 10 of the test split. Whether it is typical is counted below.
 */
const scene = sceneOf("test", 10);
const question = questionsFor(scene, questionRandom(scene)).find(({ text }) => text.includes("star on the right"));
if (!question?.box) throw new Error("the scene has another question than it had");
const { text, box: truth } = question;
console.log(`${scene.shapes.map(({ size, colour, shape }) => `${size} ${colour} ${shape}`).join(", ")}`);
console.log(`${text} True: ${boxText(truth)}`);

const [unpruned] = await boxesOf([{ scene: scene, text: text }], none());
console.log(`all 144 tokens: IoU ${iou(unpruned.box, truth).toFixed(2)}`);

/**
 * ## Three policies
 *
 * Nüwa at an average of 2/9 lets 56 of the 144 patches into the decoder. Let s tokens stand before the image, and let
 * token j stand for patch I_j of N:
 *
 * - **original** (in the paper PESP; Nüwa's and FastV's): s + I_j, the id that the patch had unpruned;
 * - **rpme** (the paper's Algorithm 3): s + ⌈I_j·(N−1) / I_last⌉, stretched over the range that the image had;
 * - **compressed** (PERC; VisionZip's): s + j, as if there had never been other patches.
 *
 * The tokens are the same three times, to the bit.
 */
const POLICIES = ["original", "rpme", "compressed"] as const;
const request = { average: { ratio: 2 / 9 } };
const found = [];
for (const positions of POLICIES) {
  const [{ box, ledger }] = await boxesOf(
    [{ scene: scene, text: text }],
    createMethod("nuwa", config, { ...request, positions }),
  );
  if (!ledger) throw new Error("the prompt has an image, so there is a ledger");
  const ids = ledger.tokens.map(({ position }) => position[0]);
  console.log(`${positions}: ids ${ids.slice(0, 4).join(" ")} … ${ids.at(-1)}, IoU ${iou(box, truth).toFixed(2)}`);
  found.push({ positions, box, ledger });
}

const grid = { rows: 12, columns: 12 };
const [clean] = await renderScenes([{ ...scene, noise: 0 }], 480); // without its noise, to see better
const shown = { width: 480, height: 480, pixels: clean };
/** The true box and the one that was answered. */
const boxesOn = (box: Box | undefined): PicturePanel["boxes"] => [
  { kind: "truth", text: "true", box: truth },
  ...(box ? [{ kind: "pruned" as const, text: "answer", box: box }] : []),
];
await picture(
  "02-policies",
  "the same 56 tokens with three kinds of ids, and the box that each leads to",
  await drawPanels({
    picture: shown,
    grid: grid,
    panels: found.map(({ positions, box, ledger }) => ({
      title: positions,
      kept: ledger.tokens.map(({ cell }) => cell),
      boxes: boxesOn(box),
    })),
    columns: 3,
  }),
);

/**
 * ## Until the box moves
 *
 * Ids may be any function of where the kept tokens were. Here they slide from the original ones to the compressed ones:
 * at t every id lies t of the way between both. The text behind the image goes on behind the last id.
 */
const sliding =
  (t: number): PositionFunction =>
  (offsets, start) => {
    const visual = offsets.map((offset, j): Position => [start + Math.round((1 - t) * (offset?.[0] ?? j) + t * j)]);
    return { visual, nextPosition: (visual.at(-1)?.[0] ?? start) + 1 };
  };
const slid = [];
for (const t of [0, 0.25, 0.5, 0.75, 1]) {
  const method = { ...createMethod("nuwa", config, request), positions: sliding(t) };
  const [{ box }] = await boxesOf([{ scene: scene, text: text }], method);
  console.log(`t = ${t}: ${box ? boxText(box) : "no box"}, IoU ${iou(box, truth).toFixed(2)}`);
  slid.push({ t, box });
}
await picture(
  "02-sliding",
  "from original ids (t = 0) to compressed ones (t = 1)",
  await drawPanels({
    picture: shown,
    grid: grid,
    panels: slid.map(({ t, box }) => ({ title: `t = ${t}`, boxes: boxesOn(box) })),
    columns: 3,
  }),
);

/**
 * The box goes down, row by row, and stays in its columns. Rotary embeddings show a layer only *differences* of ids,
 * and what is asked about is read by the text, which stands behind the image. With compressed ids there are fewer ids
 * between the star and the text, as unpruned there are for something further down:
 */
const [{ ledger: kept }] = found;
const star = 5 * 12 + 10; // the patch in the middle of the star: row 5, column 10
const behind = kept.tokens.filter(({ cell }) => cell > star).length;
console.log(`ids between the star and the text: ${143 - star} unpruned, ${behind} compressed`);

/**
 * ## How typical is it?
 *
 * The first question for a box in each of the first scenes of the test split. The scene above was chosen among 16, for
 * a picture that shows the move well. Over 40 scenes docs/results.md has the same count for twelve methods.
 */
const asked = Array.from({ length: 12 }, (_, seed) => sceneOf("test", seed)).flatMap((one) => {
  const first = questionsFor(one, questionRandom(one)).find(({ family }) => family === "grounding");
  return first?.box ? [{ scene: one, text: first.text, box: first.box }] : [];
});
const right = async (method: Method) => {
  const answers = await boxesOf(asked, method);
  return answers.filter(({ box }, i) => iou(box, asked[i].box) >= 0.5).length;
};
console.log(`all tokens: ${await right(none())} of ${asked.length} boxes right`);
for (const positions of POLICIES) {
  const count = await right(createMethod("nuwa", config, { ...request, positions }));
  console.log(`${positions}: ${count} of ${asked.length} boxes right`);
}

/**
 * ## Exercises
 *
 * 1. Ask the same in `weights/shapes`. How far does the box move there, and why?
 * 2. VisionZip publishes compressed ids. Give it original ones: how many boxes come back?
 * 3. Is it the ids of the image or those of the text that move the box? Keep the original ids of the image and let the
 *    text go on 24 or 12 ids too early or too late. Then add 100 to all ids.
 *
 * [Solutions](solutions/02-position-ids.ipynb)
 */
disposeModel(vlm.model);
console.log(`tensors left: ${tf.memory().numTensors}`);
