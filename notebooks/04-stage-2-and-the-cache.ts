/**
 * # Stage 2: scores and the key-value cache
 *
 * In the middle of the decoder Nüwa prunes a second time, now by the question (paper, section 3.2). We compute both
 * readings of the score by hand, compare what they keep, and look at what is left in the key-value cache of each layer
 * while the answer is decoded. Everything used here is exported by the entry points of `src/`. Run it with
 * `npx tsx notebooks/04-stage-2-and-the-cache.ts`.
 */
import * as tf from "@tensorflow/tfjs";
import {
  advance,
  answerPrompts,
  averageTokens,
  batchOf,
  buildPrompt,
  cosineToText,
  createMethod,
  disposeModel,
  drawPanels,
  enteringPerLayer,
  forward,
  keepBest,
  lastTokenAttention,
  loadVlm,
  none,
  type PicturePanel,
  record,
  recordReadbacks,
  replay,
  run,
  shapesWeights,
  tensorsIn,
  useBackend,
} from "../src/node.ts";
import { renderScenes, sceneOf } from "../src/world.ts";
import { picture } from "./picture.mjs";

await useBackend("wasm");
const { model, tokenizer, template, preprocessing } = loadVlm(shapesWeights());
const { config } = model;
const scene = sceneOf("test", 8);
const [pixels] = await renderScenes([scene], 96);
const batch = batchOf([preprocessing.prepare({ width: 96, height: 96, pixels })]);
const asking = (question: string) => ({
  ...batch,
  prompts: [buildPrompt(template, tokenizer, config.imageTokenId, question).ids],
});
const inputs = asking("Where is the triangle?");
const method = createMethod("nuwa", config, { average: { ratio: 2 / 9 } });

/**
 * ## The cut
 *
 * At an average of 2/9 stage 1 lets 56 of the 144 patches into the decoder, and stage 2 keeps 8 of them before layer 4
 * of 8. We record what it looks at: the attention of the layer before, and the tokens that enter.
 */
const seen = record(["llm.3.attention", "llm.3.output", "stage1.indices", "stage2.scores", "stage2.indices"]);
const { result, values } = await recordReadbacks(() => forward(model, inputs, method, seen.tap));
const [before, behind] = [3, 4].map((layer) => result.state.layers[layer].sequence);
console.log(`tokens before the cut ${before[0].length}, behind it ${behind[0].length}`);

/**
 * ## Two readings of the score
 *
 * The released code takes the attention of the last prompt token in layer ℓ−1, mean over its heads:
 * s_v = 1/h · Σ_a softmax(q_a·k_aᵀ/√d)[last, v].
 */
const attention = tf.tidy(() => lastTokenAttention(seen.get("llm.3.attention") as tf.Tensor4D, before)); // [1, S]
const byAttention = (await attention.data()) as Float32Array;
const kept = keepBest(byAttention, before, 8);
const inThePass = [...(await seen.get("stage2.indices").data())];
console.log(`kept by hand: ${kept[0].join(" ")}; in the pass: ${inThePass.join(" ")}`);
if (kept[0].join() !== inThePass.join()) throw new Error("stage 2 by hand and in the forward pass differ");

/**
 * The paper takes the cosine between each visual token and the mean of the text tokens behind the image (Eqs. 8-9):
 * t̄ = 1/|T| · Σ tᵢ, s_v = v·t̄ / (‖v‖·‖t̄‖). It needs no attention, so that it works with kernels that never write
 * the attention out.
 */
const cosine = tf.tidy(() => cosineToText(seen.get("llm.3.output") as tf.Tensor3D, before)); // [1, S]
const byCosine = (await cosine.data()) as Float32Array;
const keptByCosine = keepBest(byCosine, before, 8);
console.log(`kept by cosine: ${keptByCosine[0].join(" ")}`);
console.log(`in both: ${keptByCosine[0].filter((rank) => kept[0].includes(rank)).length} of 8`);

/** The cell of each visual token that enters the cut, and a map of what it scores: NaN where there is no token. */
const cellOf = [...(await seen.get("stage1.indices").data())];
const visualRows = before[0].flatMap((slot, row) => (slot?.kind === "visual" ? [row] : []));
const mapOf = (scores: Float32Array) => {
  const map = new Float32Array(144).fill(Number.NaN);
  for (const [rank, row] of visualRows.entries()) map[cellOf[rank]] = scores[row];
  return map;
};
const grid = { rows: 12, columns: 12 };
const [clean] = await renderScenes([{ ...scene, noise: 0 }], 480); // without its noise, to see better
const shown = { width: 480, height: 480, pixels: clean };
const survivors = (ranks: readonly number[]) => ranks.map((rank) => cellOf[rank]);
await picture(
  "04-scores",
  "scores of both readings, and the eight tokens that each keeps",
  await drawPanels({
    picture: shown,
    grid: grid,
    panels: [
      { title: "attention", values: mapOf(byAttention) },
      { title: "kept by attention", kept: survivors(kept[0]) },
      { title: "cosine", values: mapOf(byCosine) },
      { title: "kept by cosine", kept: survivors(keptByCosine[0]) },
    ],
  }),
);

/**
 * What each of them answers. On this picture the three boxes differ little. Over 40 scenes (docs/results.md) attention
 * gets 0.84 of the boxes right, the cosine 0.44, and a random draw 0.64.
 */
const answerOf = async (stage2: "attention" | "cosine" | "random") => {
  const pruning = createMethod("nuwa", config, { average: { ratio: 2 / 9 }, stage2 });
  const [{ text }] = await answerPrompts(model, tokenizer, inputs, pruning);
  return text;
};
console.log(`true: ${scene.shapes[3].box.map((edge) => edge.toFixed(2)).join(", ")}`);
for (const stage2 of ["attention", "cosine", "random"] as const) console.log(`${stage2}: ${await answerOf(stage2)}`);

/**
 * ## The question decides
 *
 * Stage 1 does not look at the question, stage 2 does. With another question the same 56 tokens enter, and others stay.
 */
const survivorsUnder: PicturePanel[] = [];
for (const question of ["Where is the triangle?", "Where is the black square?", "How many circles are there?"]) {
  const other = record(["stage1.indices", "stage2.indices"]);
  tf.dispose(tensorsIn(await run(() => forward(model, asking(question), method, other.tap))));
  const same = [...(await other.get("stage1.indices").data())].join() === cellOf.join();
  console.log(`${question} the same 56 enter: ${same}`);
  survivorsUnder.push({ title: question, kept: survivors([...(await other.get("stage2.indices").data())]) });
  other.dispose();
}
await picture(
  "04-questions",
  "what stage 2 keeps under three questions",
  await drawPanels({ picture: shown, grid: grid, panels: survivorsUnder, columns: 3 }),
);

/**
 * ## The cache of each layer
 *
 * A layer keeps the keys and values of the tokens that it has seen, [1, heads, length, 32] each, for the tokens that
 * are decoded later. Layers behind the cut have seen fewer, so that lengths differ; position ids do not: the first
 * decoded token goes on where it would have without pruning.
 */
const full = await run(() => forward(model, inputs, none()));
const bytes = ({ state }: Pick<typeof full, "state">) =>
  tensorsIn(state).reduce((sum, { size }) => sum + 4 * size, 0) / 1024;
for (const [name, one] of Object.entries({ unpruned: full, pruned: result })) {
  const lengths = one.state.layers.map(({ cache }) => cache.keys.shape[2]);
  const next = one.state.layers.map(({ nextPosition }) => nextPosition[0]);
  console.log(`${name}: lengths ${lengths.join(" ")}; next position ids ${next.join(" ")}; ${bytes(one)} KiB`);
}
const [ledger] = result.ledgers;
if (!ledger) throw new Error("the prompt has an image, so there is a ledger");
const perLayer = enteringPerLayer(ledger);
console.log(`visual tokens: ${perLayer.join(" ")}, on average ${averageTokens(perLayer)} of 144`);

/** Three decoded tokens later every layer holds three more. */
const fed = tokenizer.encode("[0.59,", false).slice(0, 3);
const longer = advance(model, result.state, [fed]);
console.log(`three tokens later: ${longer.state.layers.map(({ cache }) => cache.keys.shape[2]).join(" ")}`);

/**
 * ## Cached is the same as computed anew
 *
 * A pass over prompt and answer together comes to the same logits, if it keeps the same tokens. `recordReadbacks`
 * remembered what the selections of the first pass were read from; `replay` goes through the longer prompt with these.
 */
const whole = { ...batch, prompts: [[...inputs.prompts[0], ...fed]] };
const anew = replay(() => forward(model, whole, method), values);
const difference = tf.tidy(() => anew.logits.sub(longer.logits).abs().max().dataSync()[0]);
console.log(`cached and computed anew agree to 1e-3: ${difference < 1e-3}`);
if (!(difference < 1e-3)) throw new Error(`the logits differ by ${difference}`);

/**
 * ## Exercises
 *
 * 1. Move the cut: `nuwa({ ... })` takes `cutLayer`. Before which layers does attention keep tokens on the triangle?
 * 2. How much of the attention of layer 3 falls on the 48 tokens that are dropped behind it?
 * 3. With n visual tokens in all layers, which n takes as much cache as 56 and 8 do? What if half of the layers had
 *    144?
 *
 * [Solutions](solutions/04-stage-2-and-the-cache.ipynb)
 */
seen.dispose();
tf.dispose([attention, cosine, batch.pixels, ...tensorsIn([result, full, longer, anew])]);
disposeModel(model);
console.log(`tensors left: ${tf.memory().numTensors}`);
