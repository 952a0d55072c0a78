import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { openSafetensors, readTensor, type TensorValues, writeSafetensors } from "../../src/io/safetensors.ts";
import { fixturePath } from "../support.ts";
import { writeTinyFamily } from "../support-families.ts";
import { nuwa, temporaryFolder } from "./support.ts";

const pictureNamed = (name: string) => fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url));
const [scene, coffee] = [pictureNamed("scene"), pictureNamed("coffee")];
const [wide, tall] = ["wide", "tall"].map((name) => fixturePath("pictures", `${name}.png`));
const QUESTION = "What is on the table?";

/** Every command that takes a model, on the families that are not LLaVA-1.5. */
describe.each([
  ["llava_next", "image_sizes", 2],
  ["qwen2_5_vl", "image_grid_thw", 1],
] as const)("the family %s", (family, sizes, grids) => {
  const model = join(temporaryFolder(), "model");
  const common = ["--model", model, "--backend", "wasm"];
  beforeAll(() => writeTinyFamily(family, model));

  /** A command that has to end well. */
  async function run(...argv: string[]): Promise<string> {
    const { code, out, err } = await nuwa(...argv);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    return out;
  }

  it("is told of a run of image tokens of a wrong length before the weights, which are damaged, are read", async () => {
    const [damaged, inputs] = [join(temporaryFolder(), "damaged"), join(temporaryFolder(), "inputs.safetensors")];
    await run("ask", coffee, QUESTION, ...common, "--max-new-tokens", "1", "--dump-inputs", inputs);
    const file = openSafetensors(inputs);
    const entries = new Map([...file.entries.keys()].map((name) => [name, readTensor(file, name)] as const));
    const ids = [...(entries.get("input_ids") as TensorValues).values];
    const { image_token_index, image_token_id } = JSON.parse(readFileSync(join(model, "config.json"), "utf8"));
    const image = image_token_id ?? image_token_index;
    // Not one token for the image, nor as many as it has.
    const values = Int32Array.from(ids.flatMap((id) => (id === image ? [id, id, id] : [id])));
    writeSafetensors(inputs, [...entries.set("input_ids", { shape: [values.length], values })]);
    cpSync(model, damaged, { recursive: true });
    const weights = join(damaged, "model.safetensors");
    const bytes = readFileSync(weights);
    writeFileSync(weights, bytes.fill(0xff, bytes.length - 1000));
    const dump = join(temporaryFolder(), "dump.safetensors");
    const { code, err } = await nuwa("forward", "--model", damaged, "--inputs", inputs, "--dump", dump);
    expect({ code, lines: err.trim().split("\n").length, dumped: existsSync(dump) }).toEqual({
      code: 1,
      lines: 1,
      dumped: false,
    });
    expect(err).toMatch(
      /inputs\.safetensors: input_ids: holds 3 image tokens .* do not fit 1 image: found a run of 3\./,
    );
    writeSafetensors(
      inputs,
      [...entries].filter(([name]) => name !== sizes),
    );
    const without = await nuwa("forward", "--model", damaged, "--inputs", inputs, "--dump", dump);
    expect(without.err).toMatch(new RegExp(`inputs\\.safetensors: pixel_values: ${sizes} must say`));
  });

  it("is asked about one picture, and what is dumped gives the same run in nuwa forward", async () => {
    const folder = temporaryFolder();
    const [inputs, asked, again] = ["inputs", "asked", "again"].map((name) => join(folder, `${name}.safetensors`));
    const method = ["--method", "nuwa", "--average", "1/2"];
    const out = await run(
      ...["ask", coffee, QUESTION, ...common, ...method, "--max-new-tokens", "2"],
      ...["--dump-inputs", inputs, "--tap", "llm.0.tokens", "--dump", asked],
    );
    expect(out).toMatch(/^saves /m);
    expect([...openSafetensors(inputs).entries.keys()].sort()).toEqual([sizes, "input_ids", "pixel_values"].sort());
    // As transformers returns them: a batch of one prompt, and of the tiles of one image.
    const file = openSafetensors(inputs);
    const batched = [...file.entries.keys()].map((name): [string, TensorValues] => {
      const tensor = readTensor(file, name);
      const isBatch = name === "input_ids" || (name === "pixel_values" && family === "llava_next");
      return [name, isBatch ? { ...tensor, shape: [1, ...tensor.shape] } : tensor];
    });
    const batch = join(folder, "batch.safetensors");
    writeSafetensors(batch, batched);
    await run("forward", "--inputs", batch, ...common, ...method, "--dump", again, "--tap", "llm.0.tokens");
    const [, any] = batched[0];
    writeSafetensors(batch, [...new Map([...batched, ["image_grid_thw", any], ["image_sizes", any]])]);
    const both = await nuwa("forward", "--inputs", batch, ...common, "--dump", join(folder, "none.safetensors"));
    expect(both.err).toContain("holds image_sizes and image_grid_thw, but a model takes one of them.");
    const tokens = (file: string, name: string) => [...readTensor(openSafetensors(file), name).values];
    expect(tokens(again, "llm.0.tokens")).toEqual(tokens(asked, "llm.0.tokens"));
    const preprocessed = join(folder, "preprocessed.safetensors");
    await run("preprocess", "--model", model, coffee, "--dump", preprocessed);
    for (const name of ["pixel_values", sizes]) expect(tokens(preprocessed, name)).toEqual(tokens(inputs, name));
  });

  it("is asked about several pictures, in front of the question or in it, and draws every grid", async () => {
    const folder = temporaryFolder();
    const images = ["--image", scene, "--image", coffee];
    const rest = [...common, "--average", "1/2", "--max-new-tokens", "1"];
    const out = await run("ask", ...images, QUESTION, ...rest, "--out", folder);
    expect(out.match(/^image /gm)).toHaveLength(2);
    const record = JSON.parse(readFileSync(join(folder, "run.json"), "utf8"));
    expect(record.images.map(({ file }: { file: string }) => file)).toEqual([scene, coffee]);
    for (const { grids: own } of record.images) expect(own).toHaveLength(grids);
    expect([record.family, record.question]).toEqual([family, QUESTION]);
    expect(record.family).toBe(family);
    expect(new Set(record.visualTokens.map(({ image }: { image: number }) => image))).toEqual(new Set([0, 1]));
    const svg = readFileSync(join(folder, "picture.svg"), "utf8");
    expect(svg.match(/<image /g)).toHaveLength(2 * grids); // one for each grid
    const { height } = await sharp(join(folder, "picture.png")).metadata();
    expect(height).toBeGreaterThan(2 * grids * 100);
    const inputs = join(folder, "inputs.safetensors");
    await run("ask", ...images, QUESTION, ...rest, "--dump-inputs", inputs);
    const dumped = (file: string, name: string) => [...readTensor(openSafetensors(file), name).values];
    const each: number[] = [];
    for (const picture of [scene, coffee]) {
      const one = join(folder, "one.safetensors");
      await run("preprocess", "--model", model, picture, "--dump", one);
      each.push(...dumped(one, "pixel_values"));
    }
    expect(dumped(inputs, "pixel_values")).toEqual(each);
    // Elsewhere in the prompt, the same pictures say something else to the model.
    const dump = (name: string) => join(folder, `${name}.safetensors`);
    const logits = async (name: string, question: string) => {
      await run("ask", ...images, question, ...rest, "--tap", "logits_last", "--dump", dump(name));
      return [...readTensor(openSafetensors(dump(name)), "logits_last").values];
    };
    expect(await logits("placed", `<image>${QUESTION}<image>`)).not.toEqual(await logits("in-front", QUESTION));
  });

  it("says that the average which is taken where none is asked for was not met", async () => {
    const ask = ["ask", coffee, QUESTION, ...common, "--max-new-tokens", "1"];
    expect(await run(...ask)).toMatch(/^note +nuwa at 1\/9: enters \d\.\d tokens a layer, not \d\.\d$/m);
    expect(await run(...ask, "--method", "none")).not.toMatch(/^note/m);
  });

  it("dumps a value for each shape of images and each grid under names that say so, and every attention", async () => {
    const dump = join(temporaryFolder(), "taps.safetensors");
    const taps = ["vision.*.attention", "vision.features", "stage1.salience", "final.indices", "final.images"];
    await run(
      ...["ask", "--image", wide, "--image", tall, QUESTION, ...common, "--average", "1/2", "--max-new-tokens", "1"],
      ...[...taps.flatMap((tap) => ["--tap", tap]), "--dump", dump],
    );
    const file = openSafetensors(dump);
    const named = (name: string) => [...file.entries.keys()].filter((key) => key.startsWith(name)).sort();
    const each = ["images=0", "images=1"].flatMap((label) =>
      grids === 1 ? [`${label}/grid=0`] : [`${label}/grid=0`, `${label}/grid=1`],
    );
    expect(named("stage1.salience")).toEqual(each.map((label) => `stage1.salience/${label}`));
    const towers = family === "llava_next" ? [""] : ["/images=0", "/images=1"];
    expect(named("vision.features")).toEqual(towers.map((label) => `vision.features${label}`));
    expect(named("vision.0.attention")).toEqual(towers.map((label) => `vision.0.attention${label}`));
    const [cells, images] = ["final.indices", "final.images"].map((name) => [...readTensor(file, name).values]);
    expect(images).toHaveLength(cells.length);
    expect(new Set(images)).toEqual(new Set([0, 1]));
  });

  it("refuses images and questions that do not go together, in one line", async () => {
    for (const [argv, message] of [
      [["--image", scene], /the question is missing/],
      [["--image", scene, coffee, QUESTION], /images are given twice/],
      [["--image", scene, "--image", coffee, "<image> what?"], /places 1 of 2 images/],
      [["--image", scene, "<image>"], /the question is empty/],
    ] as const) {
      const { code, err } = await nuwa("ask", ...argv, ...common);
      expect(err).toMatch(message);
      expect(err.trimEnd().split("\n")).toHaveLength(1);
      expect(code).toBe(2);
    }
  });

  it("refuses pictures that it cannot prepare, by their names", async () => {
    const folder = temporaryFolder();
    const narrow = join(folder, "narrow.png");
    await sharp({ create: { width: 1, height: 300, channels: 3, background: "#777" } })
      .png()
      .toFile(narrow);
    const dump = join(folder, "out.safetensors");
    const outcome = await nuwa("preprocess", "--model", model, narrow, "--dump", dump);
    if (family === "qwen2_5_vl") {
      expect(outcome.code).toBe(1);
      expect(outcome.err).toMatch(/narrow\.png: a picture of 1 × 300 pixels is too narrow/);
    } else expect(outcome.code).toBe(0);
    const changed = join(folder, "model");
    cpSync(model, changed, { recursive: true });
    const [file, field, value] =
      family === "qwen2_5_vl"
        ? ["preprocessor_config.json", "min_pixels", 2 ** 28]
        : ["config.json", "image_grid_pinpoints", [[16384, 16384]]];
    const json = JSON.parse(readFileSync(join(changed, file), "utf8"));
    const more = family === "qwen2_5_vl" ? { max_pixels: 2 ** 28 } : {};
    writeFileSync(join(changed, file), JSON.stringify({ ...json, ...more, [field]: value }));
    const { code, err } = await nuwa("preprocess", "--model", changed, coffee, "--dump", dump);
    expect(code).toBe(1);
    expect(err).toMatch(
      family === "qwen2_5_vl"
        ? /coffee\.png: \d+ × \d+ pixels when prepared for the model, more than the 100 megapixels/
        : /config\.json: field "image_grid_pinpoints": \[16384,16384\] has more than 65536 patches/,
    );
  });

  it("refuses what cannot prune its pictures before weights are read and anything is written", async () => {
    const out = join(temporaryFolder(), "out");
    const tooMany = ["--average", "5000"];
    const asked = await nuwa("ask", coffee, QUESTION, ...common, ...tooMany, "--out", out);
    expect(asked).toMatchObject({ out: "" });
    expect(asked.err).toMatch(/^nuwa: average 5000 exceeds the \d+ visual tokens of the image\.\n$/);
    const [method, average] = family === "qwen2_5_vl" ? ["none,tome", "1/2"] : ["none,nuwa", "5000"];
    const marked = await nuwa(
      "eval",
      ...common,
      "--methods",
      method,
      "--averages",
      average,
      "--limit",
      "1",
      "--out",
      out,
    );
    expect(marked).toMatchObject({ out: "" });
    expect(marked.err).toMatch(
      /^nuwa: (average 5000 exceeds|method tome needs merging, which this model of the family)/,
    );
    expect(existsSync(out)).toBe(false);
  });

  it("is listed, tokenised, evaluated and tuned", { timeout: 120_000 }, async () => {
    expect(await run("taps", "--model", model)).toMatch(/^llm\.3\.tokens /m);
    expect(await run("tokenize", "--model", model, "--text", "<image>")).toBe("[1,398]\n");
    const folder = temporaryFolder();
    const settings = ["--methods", "none,nuwa", "--averages", "1/2", "--limit", "1"];
    expect((await nuwa("eval", ...common, ...settings, "--out", folder)).code).toBe(0);
    const rows = JSON.parse(readFileSync(join(folder, "summary.json"), "utf8"));
    expect(new Set(rows.map(({ method }: { method: string }) => method))).toEqual(new Set(["none", "nuwa"]));
    expect(JSON.parse(readFileSync(join(folder, "options.json"), "utf8"))).toMatchObject({ family });
    const tuned = join(folder, "tuned");
    // Half a minute on two families; what differs is read from the family's reading, see variantConstants.
    if (family !== "qwen2_5_vl") return;
    await run("tune", ...common, "--average", "1/2", "--steps", "1", "--out", tuned);
    const constants = join(tuned, "constants.json");
    await run(
      "ask",
      coffee,
      QUESTION,
      ...common,
      "--average",
      "1/2",
      "--constants",
      constants,
      "--max-new-tokens",
      "1",
    );
    const elsewhere = await nuwa("ask", coffee, QUESTION, "--constants", constants);
    const tunedOn = JSON.parse(readFileSync(join(model, "config.json"), "utf8")).model_type;
    expect(elsewhere).toMatchObject({ code: 2, out: "" });
    expect(elsewhere.err).toContain(`field "family": was tuned on ${tunedOn}, but the model is llava.`);
  });
});
