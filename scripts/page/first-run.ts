/**
 * Prints the first run of the page as JSON: what the page shows until its model has come, computed with the page's own
 * engine under Node. The build of the page calls it.
 *
 *     node --import tsx scripts/page/first-run.ts
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openVlm } from "../../docs/page/src/model/checkpoint.ts";
import { createEngine, pruningFor } from "../../docs/page/src/model/engine.ts";
import { FIRST_SETTINGS, type FirstRun, writeFirstRun } from "../../docs/page/src/model/first-run.ts";
import { prepareWasm } from "../../src/backend/wasm/prepare.ts";
import { sceneOf } from "../../src/world/scene.ts";

const folder = fileURLToPath(new URL("../../weights/no-places/", import.meta.url));
const json = (name: string) => JSON.parse(readFileSync(`${folder}${name}.json`, "utf8"));

await prepareWasm();
const weights = readFileSync(`${folder}model.safetensors`);
const vlm = openVlm({
  config: json("config"),
  generationConfig: json("generation_config"),
  preprocessor: json("preprocessor_config"),
  tokenizer: json("tokenizer"),
  tokenizerConfig: json("tokenizer_config"),
  weights: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength) as ArrayBuffer,
  // The program of the backend is loaded already.
  wasm: new ArrayBuffer(0),
});
const engine = createEngine(vlm, "wasm");
const { seed, question, a, b, unpruned } = FIRST_SETTINGS;
const scene = sceneOf("test", seed);
const ask = (setting: typeof a, watch: boolean) => engine.ask(scene, question, pruningFor(vlm, setting), watch);
const first: FirstRun = {
  facts: engine.facts,
  seen: engine.see(scene),
  chosen: await engine.choose(scene, question, a),
  answerA: await ask(a, true),
  answerB: await ask(b, false),
  answerUnpruned: await ask(unpruned, false),
};
process.stdout.write(writeFirstRun(first));
