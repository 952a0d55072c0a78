/**
 * # Solutions: stage 2 and the cache
 *
 * To the exercises of [Stage 2](../04-stage-2-and-the-cache.ipynb), on the same picture. Run them with
 * `npx tsx notebooks/solutions/04-stage-2-and-the-cache.ts`.
 */
import * as tf from "@tensorflow/tfjs";
import {
  batchOf,
  buildPrompt,
  disposeModel,
  forward,
  loadVlm,
  nuwa,
  record,
  run,
  shapesWeights,
  tensorsIn,
  useBackend,
  VARIANTS,
} from "../../src/node.ts";
import { renderScenes, sceneOf } from "../../src/world.ts";

await useBackend("wasm");
const { model, tokenizer, template, preprocessing } = loadVlm(shapesWeights());
const scene = sceneOf("test", 8);
const [pixels] = await renderScenes([scene], 96);
const batch = batchOf([preprocessing.prepare({ width: 96, height: 96, pixels })]);
const { ids } = buildPrompt(template, tokenizer, model.config.imageTokenId, "Where is the triangle?");
const inputs = { ...batch, prompts: [ids] };

/**
 * ## 1. Other cuts
 *
 * From layer 3 on most of what is kept lies on the triangle. Before layers 1 and 2 the scores come from layers 0 and 1,
 * in which the last token hardly looks at the picture yet (see notebook 1).
 */
const [left, top, right, bottom] = scene.shapes[3].box.map((edge) => edge * 12);
const onTriangle = (cell: number) => {
  const [x, y] = [cell % 12, Math.floor(cell / 12)];
  return x + 1 > left && x < right && y + 1 > top && y < bottom;
};
for (let cutLayer = 1; cutLayer < model.tapLayers.llm; cutLayer++) {
  const method = nuwa({ ...VARIANTS.official, budget: { stage1: 56, stage2: 8 }, cutLayer });
  const seen = record(["final.indices"]);
  tf.dispose(tensorsIn(await run(() => forward(model, inputs, method, seen.tap))));
  const kept = [...(await seen.get("final.indices").data())];
  console.log(
    `cut before layer ${cutLayer}: ${kept.filter(onTriangle).length} of ${kept.length} tokens on the triangle`,
  );
  seen.dispose();
}

/**
 * ## 2. What is dropped
 *
 * Little. The attention of the last token is concentrated on a few tokens, and these are what is kept.
 */
const seen = record(["llm.3.attention", "stage2.indices"]);
const method = nuwa({ ...VARIANTS.official, budget: { stage1: 56, stage2: 8 }, cutLayer: 4 });
const result = await run(() => forward(model, inputs, method, seen.tap));
const mean = tf.tidy(() => seen.get("llm.3.attention").mean(1).squeeze<tf.Tensor2D>([0])); // [S, S]
const last = ((await mean.array()) as number[][]).at(-1) ?? [];
const visual = result.state.layers[3].sequence[0].flatMap((slot, row) => (slot?.kind === "visual" ? [row] : []));
const kept = new Set(await seen.get("stage2.indices").data());
const dropped = visual.filter((_, rank) => !kept.has(rank));
const share = dropped.reduce((sum, row) => sum + last[row], 0);
console.log(`${share.toFixed(2)} of the last token's attention falls on the ${dropped.length} tokens that are dropped`);

/**
 * ## 3. The same cache
 *
 * A layer's cache grows with the tokens in it, so that only their mean over the layers counts: (56·4 + 8·4) / 8 = 32.
 * With 144 tokens in the first half of the layers there is none left for the second: 144·4 / 8 = 72 is more than twice
 * as much already. Methods that prune only inside the decoder must begin early to save as much.
 */
console.log(`${(56 * 4 + 8 * 4) / 8} tokens in every layer; with 144 in half of the layers at least ${(144 * 4) / 8}`);

seen.dispose();
tf.dispose([mean, batch.pixels, ...tensorsIn(result)]);
disposeModel(model);
console.log(`tensors left: ${tf.memory().numTensors}`);
