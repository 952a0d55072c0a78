import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { run, tensorsIn } from "../../src/core/readback.ts";
import { record } from "../../src/core/taps.ts";
import { preprocess } from "../../src/io/image.ts";
import { loadModel, openModel } from "../../src/io/load.ts";
import { preprocessingOf } from "../../src/io/preprocessing.ts";
import { openSafetensors, readTensor, writeSafetensors } from "../../src/io/safetensors.ts";
import { createPruning } from "../../src/methods/registry.ts";
import type { PreparedImage } from "../../src/model/preprocessing.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import { generate } from "../../src/pipeline/generate.ts";
import { type ForwardInputs, type ForwardResult, forward } from "../../src/pipeline/prefill.ts";
import { batchOf } from "../../src/pipeline/processor.ts";
import { expected, fixturePath, relativeError, TESTED_BACKENDS } from "../support.ts";

/*
 * LLaVA-NeXT and Qwen2.5-VL against PyTorch and transformers (test/fixtures/family_cases.py). Each family twice: as
 * transformers 5 writes it, F32 with grouped keys; and as the hub has it, bf16 in two shards with a tied head, where
 * Qwen's text fields stand at the top of config.json.
 */

const PICTURES = ["wide", "tall", "even"] as const;
/** The pictures of each prompt, by their number. */
const PROMPTS = { text: [], one: [0], two: [1, 2], three: [2, 0, 1] } as const;
const RATIOS = { next: ["1/3", "1/9"], qwen: ["1/4", "2/5"] } as const;

const CASES = ["next", "next-sharded", "qwen", "qwen-sharded"] as const;
const familyOf = (name: (typeof CASES)[number]) => (name.startsWith("next") ? "next" : "qwen");

describe.each(TESTED_BACKENDS)("on %s", (backend) => {
  describe.each(CASES)("the fixture %s", (name) => {
    const want = expected(name);
    let model: Vlm;
    let images: PreparedImage[];

    beforeAll(async () => {
      await useBackend(backend);
      model = loadModel(fixturePath(name));
      const preprocessing = preprocessingOf(fixturePath(name), model.config);
      images = await Promise.all(
        PICTURES.map((picture) => preprocess(fixturePath("pictures", `${picture}.png`), preprocessing)),
      );
    });
    afterAll(() => disposeModel(model));

    const inputsOf = (own: readonly number[]) => (own.length > 0 ? batchOf(own.map((i) => images[i])) : {});
    const integersOf = (tensor: tf.Tensor) => [...tensor.dataSync()];

    async function withPass(
      inputs: ForwardInputs,
      pruning: ReturnType<typeof createPruning>,
      taps: Parameters<typeof record>[0],
      check: (result: ForwardResult, recorder: ReturnType<typeof record>) => Promise<void>,
    ) {
      const recorder = record(taps);
      const result = await run(() => forward(model, inputs, pruning, recorder.tap));
      await check(result, recorder);
      recorder.dispose();
      tf.dispose([...tensorsIn(result), ...tensorsIn(inputs)]);
    }

    it("prepares the pictures as transformers does", () => {
      const sizes = want.names.includes("image_sizes") ? "image_sizes" : "image_grid_thw";
      expect(images.flatMap(({ size }) => [...(size ?? [])])).toEqual(want.integers(sizes));
      for (const [i, picture] of PICTURES.entries())
        if (want.names.includes(`pixel_values.${picture}`)) {
          expect(images[i].pixelValues.shape).toEqual(want.shape(`pixel_values.${picture}`));
          expect(relativeError(images[i].pixelValues.values, want.floats(`pixel_values.${picture}`))).toBeLessThan(
            1e-6,
          );
        }
    });

    it.each(["text", "one", "two", "three"] as const)(
      "says what transformers says to a prompt with pictures: %s",
      async (prompt) => {
        const inputs = { ...inputsOf(PROMPTS[prompt]), prompts: [want.integers(`${prompt}.input_ids`)] };
        const taps = prompt === "one" ? (["position_ids", "projector.output"] as const) : (["position_ids"] as const);
        await withPass(inputs, createPruning("none", model.config), taps, async (result, recorder) => {
          expect(integersOf(recorder.get("position_ids"))).toEqual(want.integers(`${prompt}.position_ids`));
          if (prompt === "one")
            expect(relativeError(recorder.get("projector.output").dataSync(), want.floats("one.visual"))).toBeLessThan(
              1e-5,
            );
          expect(relativeError(result.logits.dataSync(), want.floats(`${prompt}.logits_last`))).toBeLessThan(1e-5);
          expect(await collect(model, result)).toEqual([want.integers(`${prompt}.generated`)]);
        });
      },
    );

    it("says the same to all of them in one batch", async () => {
      const names = Object.keys(PROMPTS) as (keyof typeof PROMPTS)[];
      const own = names.map((prompt) => PROMPTS[prompt]);
      const inputs = {
        ...inputsOf(PICTURES.map((_, i) => i)),
        prompts: names.map((prompt) => want.integers(`${prompt}.input_ids`)),
        imagesOf: own,
      };
      await withPass(inputs, createPruning("none", model.config), [], async (result) => {
        const rows = names.flatMap((prompt) => [...want.floats(`${prompt}.logits_last`)]);
        expect(relativeError(result.logits.dataSync(), rows)).toBeLessThan(1e-5);
        const generated = names.map((prompt) => want.integers(`${prompt}.generated`));
        expect(await collect(model, result)).toEqual(generated);
      });
    });

    for (const prompt of ["one", "three"] as const)
      for (const variant of ["official", "paper"] as const)
        it.each(RATIOS[familyOf(name)])(
          `prunes each picture as the reference does (${prompt}, ${variant}), at %s of the tokens`,
          async (ratio) => {
            const [numerator, denominator] = ratio.split("/").map(Number);
            const average = { ratio: numerator / denominator };
            const inputs = { ...inputsOf(PROMPTS[prompt]), prompts: [want.integers(`${prompt}.input_ids`)] };
            const pruning = createPruning("nuwa", model.config, { average, variant });
            const taps = [
              "stage1.indices",
              "stage1.pillars",
              "stage1.tokens",
              "stage2.indices",
              "position_ids",
            ] as const;
            await withPass(inputs, pruning, taps, async (result, recorder) => {
              const key = `${prompt}.nuwa${ratio}.${variant}`;
              const tokens = recorder.get("stage1.tokens");
              for (const image of PROMPTS[prompt].keys()) {
                for (const tap of ["stage1.indices", "stage1.pillars"] as const) {
                  const wanted = want.integers(`${key}.${tap}.${image}`);
                  const row = recorder.get(tap).slice([image, 0], [1, wanted.length]);
                  expect(integersOf(row), tap).toEqual(wanted);
                  row.dispose();
                }
                const [count, width] = want.shape(`${key}.stage1.tokens.${image}`);
                const own = tokens.slice([image, 0, 0], [1, count, width]);
                expect(relativeError(own.dataSync(), want.floats(`${key}.stage1.tokens.${image}`))).toBeLessThan(1e-5);
                own.dispose();
              }
              expect(integersOf(recorder.get("position_ids"))).toEqual(want.integers(`${key}.position_ids`));
              expect(integersOf(recorder.get("stage2.indices"))).toEqual(want.integers(`${key}.stage2.indices`));
              expect(relativeError(result.logits.dataSync(), want.floats(`${key}.logits_last`))).toBeLessThan(1e-5);
              expect(await collect(model, result)).toEqual([want.integers(`${key}.generated`)]);
            });
          },
        );
  });

  it.each(["next", "qwen"] as const)("reads %s under every layout of names", async (name) => {
    await useBackend(backend);
    const names = JSON.parse(readFileSync(fixturePath(name, "names.json"), "utf8")) as Record<string, string[]>;
    const file = openSafetensors(fixturePath(name, "model.safetensors"));
    const folder = mkdtempSync(join(tmpdir(), "layouts-"));
    try {
      writeFileSync(join(folder, "config.json"), readFileSync(fixturePath(name, "config.json")));
      const whole = [...openModel(fixturePath(name)).locations].map(({ name: canonical, entry }) => [
        canonical,
        entry.name,
      ]);
      for (const [layout, written] of Object.entries(names)) {
        const entries = names.transformers.map((stored, i) => [written[i], readTensor(file, stored)] as const);
        writeSafetensors(
          join(folder, "model.safetensors"),
          entries.map(([key, value]) => [key, value]),
        );
        const found = openModel(folder).locations.map(({ name: canonical, entry }) => [
          canonical,
          names.transformers[written.indexOf(entry.name)],
        ]);
        expect(found, layout).toEqual(whole);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** The fixture `next` with other fields in its config.json. */
async function withFields(
  change: (config: Record<string, object | boolean>) => void,
  look: (folder: string) => void | Promise<void>,
) {
  const folder = mkdtempSync(join(tmpdir(), "next-"));
  try {
    const config = JSON.parse(readFileSync(fixturePath("next", "config.json"), "utf8"));
    change(config);
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    writeFileSync(join(folder, "model.safetensors"), readFileSync(fixturePath("next", "model.safetensors")));
    await look(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it("LLaVA-NeXT with Mistral as its decoder says what transformers says, which is what Llama's says", async () => {
  // family_cases.py compares the two in transformers, on these weights.
  await useBackend("wasm");
  await withFields(
    (config) => {
      const { attention_bias, mlp_bias, pretraining_tp, ...shared } = config.text_config as Record<string, unknown>;
      config.text_config = { ...shared, model_type: "mistral", sliding_window: null };
    },
    async (folder) => {
      const want = expected("next");
      const model = loadModel(folder);
      const picture = await preprocess(
        fixturePath("pictures", "wide.png"),
        preprocessingOf(fixturePath("next"), model.config),
      );
      const inputs = batchOf([picture]);
      const prompts = [want.integers("one.input_ids")];
      const result = await run(() => forward(model, { ...inputs, prompts }, createPruning("none", model.config)));
      expect(relativeError(result.logits.dataSync(), want.floats("one.logits_last"))).toBeLessThan(1e-5);
      expect(await collect(model, result)).toEqual([want.integers("one.generated")]);
      tf.dispose([...tensorsIn(result), ...tensorsIn(inputs)]);
      disposeModel(model);
    },
  );
});

describe("a head tied to the token embeddings", () => {
  it("is refused where the files hold another one, which transformers would use", async () => {
    await useBackend("wasm");
    await withFields(
      (config) => {
        config.tie_word_embeddings = true;
      },
      (folder) =>
        expect(() => loadModel(folder)).toThrow(
          /model\.safetensors: tensor ".*lm_head\.weight" differs from the token embeddings, but config\.json has/,
        ),
    );
  });

  it("is what the top of config.json says in LLaVA-NeXT, whatever text_config says", () =>
    withFields(
      (config) => {
        config.text_config = { ...(config.text_config as object), tie_word_embeddings: true };
      },
      (folder) => expect(openModel(folder).config.text.tieWordEmbeddings).toBe(false),
    ));
});

/** Greedy decoding of six tokens that ignores end-of-sequence tokens, for each sample. */
async function collect(model: Vlm, start: ForwardResult): Promise<number[][]> {
  const ids: number[][] = start.ledgers.map(() => []);
  for await (const step of generate(model, start, { maxNewTokens: 6, stopTokens: [] }))
    step.forEach((id, sample) => {
      ids[sample].push(id as number);
    });
  return ids;
}
