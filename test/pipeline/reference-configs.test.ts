import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { run, runSync, tensorsIn } from "../../src/core/readback.ts";
import { noTap } from "../../src/core/taps.ts";
import { loadModel } from "../../src/io/load.ts";
import { openSafetensors, readTensor, writeSafetensors } from "../../src/io/safetensors.ts";
import { none } from "../../src/methods/none.ts";
import { familyNamed } from "../../src/model/families.ts";
import { fieldsOf } from "../../src/model/fields.ts";
import { disposeModel, type ImageInputs, type Vlm } from "../../src/model/vlm.ts";
import { generate } from "../../src/pipeline/generate.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { expected, firstGrid, fixturePath, relativeError, TESTED_BACKENDS } from "../support.ts";

/*
 * What a configuration may say besides the usual, against transformers (test/fixtures/config_cases.py): rotary types,
 * biases, activations, windows, other decoders and towers, several feature layers.
 */

interface Case {
  /** Files of weights, later ones over earlier ones; none: the fixture `qwen`. */
  readonly files: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
}

const CASES: Readonly<Record<string, Case>> = JSON.parse(readFileSync(fixturePath("configs", "cases.json"), "utf8"));
const want = expected("configs");
const qwen = expected("qwen");

/** A case as a checkpoint folder, opened and read as any other. */
function loadCase({ files, config }: Case, generation: object = {}): Vlm {
  const folder = mkdtempSync(join(tmpdir(), "configs-"));
  try {
    const paths =
      files.length > 0 ? files.map((name) => ["configs", `${name}.safetensors`]) : [["qwen", "model.safetensors"]];
    const tensors = paths
      .map((path) => openSafetensors(fixturePath(...path)))
      .flatMap((file) => [...file.entries.keys()].map((name) => [name, readTensor(file, name)] as const));
    writeSafetensors(join(folder, "model.safetensors"), [...new Map(tensors)]);
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    writeFileSync(join(folder, "generation_config.json"), JSON.stringify(generation));
    return loadModel(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function imagesOf({ files, config }: Case): ImageInputs {
  const floats = (source: typeof want, name: string) => tf.tensor(source.floats(name), [...source.shape(name)]);
  if (files.length === 0)
    return { pixels: floats(qwen, "pixel_values.wide"), sizes: [qwen.integers("image_grid_thw").slice(0, 3)] };
  return config.model_type === "llava_next"
    ? { pixels: floats(want, "tiles"), sizes: [want.integers("image_sizes")] }
    : { pixels: floats(want, "pixel_values") };
}

function idsOf(name: string): number[] {
  return CASES[name].files.length > 0 ? want.integers(`${name}.input_ids`) : qwen.integers("one.input_ids");
}

async function generated(model: Vlm, start: Parameters<typeof generate>[1], maxNewTokens: number) {
  const ids: (number | undefined)[] = [];
  for await (const [id] of generate(model, start, { maxNewTokens, stopTokens: [] })) ids.push(id);
  return ids;
}

/** On other backends than wasm only what runs kernels that nothing else does. */
const namesOn = (backend: string) =>
  backend === "wasm" ? Object.keys(CASES) : ["biases", "gelu-tanh", "layers-full", "siglip", "mistral-window"];

describe.each(TESTED_BACKENDS)("on %s", (backend) => {
  it.each(namesOn(backend))("%s says what transformers says", async (name) => {
    await useBackend(backend);
    const own = CASES[name];
    const model = loadCase(own);
    const images = imagesOf(own);
    const result = await run(() => forward(model, { ...images, prompts: [idsOf(name)] }, none()));
    expect(relativeError(result.logits.dataSync(), want.floats(`${name}.logits_last`))).toBeLessThan(1e-5);
    expect(await generated(model, result, 6)).toEqual(want.integers(`${name}.generated`));
    tf.dispose([...tensorsIn(result), ...tensorsIn(images)]);
    disposeModel(model);
  });
});

const PENALTIES: { case: string; penalty: number; plain: number[]; generated: number[] }[] = JSON.parse(
  readFileSync(fixturePath("configs", "penalties.json"), "utf8"),
);

it.each(PENALTIES)("$case with the repetition_penalty $penalty says what transformers says", async (own) => {
  await useBackend("wasm");
  for (const [penalty, tokens] of [
    [1, own.plain],
    [own.penalty, own.generated],
  ] as const) {
    const model = loadCase(CASES[own.case], { repetition_penalty: penalty });
    const images = imagesOf(CASES[own.case]);
    const result = await run(() => forward(model, { ...images, prompts: [idsOf(own.case)] }, none()));
    expect(await generated(model, result, tokens.length)).toEqual(tokens);
    tf.dispose([...tensorsIn(result), ...tensorsIn(images)]);
    disposeModel(model);
  }
});

it("no field of these configurations is unknown", () => {
  for (const { config } of Object.values(CASES)) {
    const { schemas } = familyNamed(config.model_type as string);
    const unknown = fieldsOf(config, schemas(config).config).filter(({ effect }) => effect === "unknown");
    expect(unknown).toEqual([]);
  }
});

it("a patch of SigLIP is worth the attention that it receives", async () => {
  await useBackend("wasm");
  const model = loadCase(CASES.siglip);
  tf.tidy(() => {
    const seen = firstGrid(model.encode(imagesOf(CASES.siglip), noTap));
    expect(relativeError(seen.clsAttention.dataSync(), want.floats("siglip.received"))).toBeLessThan(1e-5);
    expect(relativeError(seen.keyNorms.dataSync(), want.floats("siglip.key_norms"))).toBeLessThan(1e-5);
    expect(seen.classFeature).toBeUndefined();
  });
  disposeModel(model);
});

it("where frequencies depend on the length, a batch says what its prompts say alone", async () => {
  await useBackend("wasm");
  const model = loadCase(CASES.dynamic);
  const images = imagesOf(CASES.dynamic);
  const long = want.integers("dynamic.input_ids");
  const [first, ...rest] = tf.tidy(() => {
    const pass = (prompts: number[][], imagesOf: number[][]) =>
      runSync(() => forward(model, { ...images, prompts, imagesOf }, none())).logits;
    const together = pass([long, [1, 5, 3]], [[0], [0]]);
    return [together, pass([long], [[0]]), pass([[1, 5, 3]], [[0]])].map((logits) => [...logits.dataSync()]);
  });
  expect(relativeError(first, rest.flat())).toBeLessThan(1e-5);
  tf.dispose(tensorsIn(images));
  disposeModel(model);
});
