/**
 * # The forward pass of a VLM, seen through taps
 *
 * From pixels to an answer through a LLaVA-1.5 that is small enough to look at (`weights/shapes`). Every point that is
 * worth seeing has a name and a *tap*, which records the tensor there or puts another in its place. We follow one
 * picture and one question, first through the whole model and then through the pruned one. Everything used here is
 * exported by the entry points of `src/`. Run it with `npx tsx notebooks/01-a-forward-pass.ts`.
 */
import * as tf from "@tensorflow/tfjs";
import { attentionFlow, decoderEntropy, logitLens, measure, SEGMENTS } from "../src/analysis.ts";
import {
  batchOf,
  buildPrompt,
  createMethod,
  disposeModel,
  drawPanels,
  forward,
  loadVlm,
  none,
  type PicturePanel,
  record,
  replace,
  rolesOf,
  run,
  shapesWeights,
  type Tap,
  type TapName,
  tapPoints,
  tensorsIn,
  useBackend,
} from "../src/node.ts";
import { renderScenes, sceneOf } from "../src/world.ts";
import { picture } from "./picture.mjs";

await useBackend("wasm");
const { model, tokenizer, template, preprocessing } = loadVlm(shapesWeights());
const { config } = model;

/**
 * ## A picture and a question
 *
 * Scenes follow from a split and a seed. The picture becomes 3×96×96 normalised pixels, the question a list of token
 * ids in which one id, `<image>`, stands for the picture.
 */
const scene = sceneOf("test", 8);
console.log(scene.shapes.map(({ size, colour, shape }) => `${size} ${colour} ${shape}`).join(", "));
const [pixels] = await renderScenes([scene], 96);
const image = preprocessing.prepare({ width: 96, height: 96, pixels });
const question = "What is the colour of the triangle?";
const { ids } = buildPrompt(template, tokenizer, config.imageTokenId, question);
console.log(ids.map((id) => tokenizer.tokenOf(id)).join(" "));
const inputs = { ...batchOf([image]), prompts: [ids] };

/**
 * ## The points
 *
 * `tapPoints` lists them in the order in which a pass meets them: the tower block by block, stage 1 of the pruning,
 * the decoder layer by layer, and its head.
 */
const points = tapPoints(model.tapLayers);
console.log(`${points.length} points in ${model.tapLayers.vision} blocks and ${model.tapLayers.llm} layers`);

/** The way from the pixels to the answer, with the shape at each station. */
const stations: TapName[] = [
  "vision.pixels",
  "vision.hidden_states.0",
  "vision.features",
  "projector.output",
  "llm.embeddings",
  "llm.0.tokens",
  "llm.4.attention",
  "llm.7.output",
  "logits_last",
];
const meaningOf = new Map(points.map(({ name, meaning }) => [name, meaning]));
const recorder = record([...stations, "vision.cls_attention"]);
const result = await run(() => forward(model, inputs, none(), recorder.tap));
for (const name of stations) console.log(`${name} [${recorder.get(name).shape}]: ${meaningOf.get(name)}`);

/**
 * In the decoder's sequence the 144 visual tokens stand where `<image>` stood. The answer is the token with the highest
 * of the last logits.
 */
const slots = result.state.layers[0].sequence[0];
const roles = rolesOf(slots);
for (const role of ["system", "visual", "text", "last"] as const)
  console.log(`${role}: ${roles.filter((one) => one === role).length} tokens`);
const bestOf = async (logits: tf.Tensor) => {
  const values = await logits.data();
  return tokenizer.tokenOf(values.indexOf(Math.max(...values)));
};
console.log(`answer: ${await bestOf(result.logits)}`);

/**
 * ## Who looks where
 *
 * The class token of the tower looks at every patch; what it gives a patch is the salience that stage 1 goes by. In the
 * decoder the last token of the prompt has to find the answer. Here is how its attention, mean over heads, falls on the
 * patches, layer by layer. Each map has a scale of its own, which stands below it. The share of its attention that
 * falls on the picture at all stands above it.
 */
const layers = Array.from({ length: model.tapLayers.llm }, (_, layer) => layer);
const looking = record(layers.map((layer): TapName => `llm.${layer}.attention`));
tf.dispose(tensorsIn(await run(() => forward(model, inputs, none(), looking.tap))));
const visualRows = slots.flatMap((slot, row) => (slot?.kind === "visual" ? [row] : []));
const grid = { rows: 12, columns: 12 };
const [clean] = await renderScenes([{ ...scene, noise: 0 }], 480); // without its noise, to see better
const shown = { width: 480, height: 480, pixels: clean };
const maps: PicturePanel[] = [{ title: "the picture" }];
const salience = await recorder.get("vision.cls_attention").data();
maps.push({ title: "class token of the tower", values: salience });
for (const layer of layers) {
  const [heads] = (await looking.get(`llm.${layer}.attention`).array()) as number[][][][]; // [h, S, S]
  const last = visualRows.map((row) => heads.reduce((sum, head) => sum + (head.at(-1)?.[row] ?? 0), 0));
  const seen = last.reduce((sum, value) => sum + value, 0) / heads.length;
  maps.push({
    title: `last token, layer ${layer}: ${(100 * seen).toFixed(0)} %`,
    values: last.map((sum) => sum / heads.length),
  });
}
await picture(
  "01-attention",
  "where the class token and, in each layer, the last token look",
  await drawPanels({ picture: shown, grid: grid, panels: maps, columns: 3 }),
);

/**
 * ## Which layer knows the answer
 *
 * The *logit lens* applies the final norm and the head to the states between the layers. For the last token: how many
 * words of the vocabulary are ahead of the answer before layer 0, 1, … and behind the last layer?
 */
const { lens, flow, entropy } = await measure(model, inputs, none(), {
  lens: logitLens(),
  flow: attentionFlow(),
  entropy: decoderEntropy(),
});
console.log(`rank of the answer: ${lens.lastRank.join(" ")}`);

/**
 * `measure` counts several things in one pass. The flow is the share of the attention that a token of one segment pays
 * to another; the entropy says over how many visual tokens a visual token spreads its own (the paper's Eq. 1, in bits).
 */
const [last, visual] = [SEGMENTS.indexOf("last"), SEGMENTS.indexOf("visual")];
const line = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(" ");
console.log(`flow from the last token to the visual ones: ${line(flow.map((layer) => layer[last][visual]))}`);
console.log(`entropy among visual tokens, bits: ${line([...entropy])}`);

/**
 * ## To put something else in its place
 *
 * Seeing is not yet knowing what a value is good for. A tap that replaces a tensor tries it: take the patches of one
 * shape away from the decoder (their projected tokens become 0), and ask again.
 */
const middleOf = (cell: number) => [((cell % 12) + 0.5) / 12, (Math.floor(cell / 12) + 0.5) / 12];
const without = (index: number): Tap => {
  const [left, top, right, bottom] = scene.shapes[index].box;
  const kept = Array.from({ length: 144 }, (_, cell) => {
    const [x, y] = middleOf(cell);
    const reach = 0.05; // patches that the shape's edge crosses belong to it
    return Number(x < left - reach || x > right + reach || y < top - reach || y > bottom + reach);
  });
  return replace({ "projector.output": (x) => x.mul(tf.tensor3d(kept, [1, 144, 1])) });
};
for (const [index, { size, colour, shape }] of scene.shapes.entries()) {
  const changed = await run(() => forward(model, inputs, none(), without(index)));
  console.log(`without the ${size} ${colour} ${shape}: ${await bestOf(changed.logits)}`);
  tf.dispose(tensorsIn(changed));
}

/**
 * ## The same pass, pruned
 *
 * The points keep their names under a pruning method; only the numbers of tokens change. Nüwa at an average of 2/9
 * keeps 56 patches before the decoder (stage 1) and 8 from its middle on (stage 2).
 */
const pruned = record([...stations, "stage1.indices", "final.indices"]);
const nuwa = createMethod("nuwa", config, { average: { ratio: 2 / 9 } });
const less = await run(() => forward(model, inputs, nuwa, pruned.tap));
for (const name of stations) console.log(`${name} [${pruned.get(name).shape}]`);
console.log(`answer: ${await bestOf(less.logits)}`);
const [entered, survived] = await Promise.all(
  (["stage1.indices", "final.indices"] as const).map(async (name) => [...(await pruned.get(name).data())]),
);
await picture(
  "01-pruned",
  "what the decoder gets, and what its second half gets",
  await drawPanels({
    picture: shown,
    grid: grid,
    panels: [
      { title: `stage 1: ${entered.length} patches`, kept: entered },
      { title: `stage 2: ${survived.length} patches`, kept: survived },
    ],
  }),
);

/**
 * ## Exercises
 *
 * 1. Set the attention output of one layer after the other to 0. Without which layer is the answer another one?
 * 2. Ask for the colour of the big square instead. In which layers does the last token look at it?
 * 3. Take the state of the last token before a layer from a pass with the other question, and put it into this one.
 *    From which layer on does the model answer the other question?
 *
 * [Solutions](solutions/01-a-forward-pass.ipynb)
 */
for (const one of [recorder, looking, pruned]) one.dispose();
tf.dispose([inputs.pixels, ...tensorsIn([result, less])]);
disposeModel(model);
console.log(`tensors left: ${tf.memory().numTensors}`);
