import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { createProgram } from "../../src/cli/main.ts";
import { makeTemporary, removeTemporary } from "../../src/io/leftovers.ts";
import { loadModel } from "../../src/io/load.ts";
import { openSafetensors, readTensor, writeSafetensors } from "../../src/io/safetensors.ts";
import { oracleLogits } from "../../src/laws/decoder-oracle.ts";
import { familyNamed } from "../../src/model/families.ts";
import { initialWeights } from "../../src/model/initialise.ts";
import type { Vlm } from "../../src/model/vlm.ts";
import { relativeError } from "../support.ts";
import { CONFIGS, IMAGE } from "../support-families.ts";
import { withDamage } from "./damage.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import type { Case, Target } from "./target.ts";

/** A tiny LLaVA on the disk and on the backend. */
let prepared: { readonly folder: string; readonly model: Vlm } | undefined;

function tinyCheckpoint() {
  if (prepared) return prepared;
  const folder = makeTemporary("fuzz");
  process.once("exit", () => removeTemporary(folder));
  const json = { ...CONFIGS.llava_next, model_type: "llava", image_grid_pinpoints: undefined };
  writeFileSync(join(folder, "config.json"), JSON.stringify(json));
  writeSafetensors(join(folder, "model.safetensors"), [
    ...initialWeights(familyNamed("llava").parseConfig("tiny", json), 1),
  ]);
  prepared = { folder, model: loadModel(folder) };
  return prepared;
}

const id = fc.oneof(fc.integer({ min: 4, max: 39 }), fc.integer({ min: -2, max: 41 }));
const side = 16;
const floats = fc
  .tuple(
    fc.nat(1000),
    fc.constantFrom([1, 3, side, side], [3, side, side], [2, 3, side, side], [1, 3, side], [0, 3, side, side]),
  )
  .map(([seed, shape]) => {
    const length = shape.reduce<number>((product, n) => product * n, 1);
    const values = Float32Array.from({ length }, (_, i) => Math.sin(seed + i));
    return { dtype: "F32", shape, data: Buffer.from(values.buffer) };
  });
const inputs = fc
  .tuple(
    fc.array(id, { maxLength: 5 }),
    fc.constantFrom(0, 0, 1, 16, 17),
    fc.option(floats),
    fc.constantFrom("I64", "I32"),
  )
  .map(([text, images, pixels, dtype]): Case => {
    const ids = [...text.slice(0, 2), ...Array<number>(images).fill(IMAGE), ...text.slice(2)];
    const data = dtype === "I64" ? BigInt64Array.from(ids, BigInt) : Int32Array.from(ids);
    const tensor = { dtype, shape: [1, ids.length], data: Buffer.from(data.buffer) };
    return {
      bytes: encodeSafetensors([["input_ids", tensor], ...(pixels ? [["pixel_values", pixels] as const] : [])]),
    };
  });

/** The command line's own words, as of the backend, are not printed. @returns why it failed, where it did */
async function silently(work: () => Promise<unknown>): Promise<PromiseRejectedResult | undefined> {
  const { write } = process.stdout;
  process.stdout.write = () => true;
  const [outcome] = await Promise.allSettled([work()]);
  process.stdout.write = write;
  return outcome.status === "rejected" ? outcome : undefined;
}

/** Inputs of `nuwa forward`. */
export const forwardInputs: Target = {
  name: "inputs",
  cases: 40,
  inputs: withDamage(inputs, ['"input_ids":', '"image_sizes":', "F32", "I32", "BF16"]),
  async read(path) {
    const { folder } = tinyCheckpoint();
    const dump = `${path}-dump`;
    const before = tf.memory().numTensors;
    const argv = ["forward", "--model", folder, "--inputs", path, "--dump", dump, "--backend", "wasm"];
    const refused = await silently(() => createProgram().parseAsync(argv, { from: "user" }));
    const left = tf.memory().numTensors - before;
    if (left !== 0) throw new Error(`it leaves ${left} tensors`);
    if (refused) throw refused.reason;
    const { values } = readTensor(openSafetensors(dump), "logits_last");
    if (!values.every(Number.isFinite)) throw new Error("it gives logits that are not finite");
    return values;
  },
  /** Prompts of text alone go through the decoder once more, in plain loops. */
  decode(bytes) {
    const tensors = new Map(decodeSafetensors(bytes).map(([name, , , values]) => [name, values]));
    const ids = tensors.get("input_ids");
    if (!Array.isArray(ids) || tensors.has("pixel_values")) return undefined;
    const { model } = tinyCheckpoint();
    const layers = model.config.text.numHiddenLayers;
    const tokens = ids.map((content, i) => ({ content, positions: Array(layers).fill(i), hiddenFrom: layers }));
    return oracleLogits(model, tokens);
  },
  same: (value, wanted) => relativeError(value as Float32Array, wanted as number[]) < 1e-4,
};
