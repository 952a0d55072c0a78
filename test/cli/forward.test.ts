import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { openSafetensors, readTensor, writeSafetensors } from "../../src/io/safetensors.ts";
import { takesAverage } from "../../src/methods/method.ts";
import { METHOD_NAMES, methodNamed } from "../../src/methods/registry.ts";
import { expected, fixturePath, relativeError } from "../support.ts";
import { copyOf, editJson, listing, nuwa, temporaryFolder } from "./support.ts";

const want = expected("square");
const folder = temporaryFolder();
const inputs = join(folder, "inputs.safetensors");
const pixels = { shape: want.shape("pixel_values"), values: want.floats("pixel_values") };
const ids = { shape: want.shape("input_ids"), values: Int32Array.from(want.integers("input_ids")) };
writeSafetensors(inputs, [
  ["pixel_values", pixels],
  ["input_ids", ids],
]);
const forward = (model: string, dump: string, ...more: string[]) =>
  nuwa("forward", "--model", model, "--inputs", inputs, "--dump", dump, "--backend", "wasm", ...more);

describe("nuwa forward", () => {
  it("dumps what the reference computes, under the names of the interchange", async () => {
    const dump = join(folder, "dump.safetensors");
    const outcome = await forward(
      fixturePath("square"),
      dump,
      "--method",
      "nuwa",
      "--average",
      "1/3",
      "--generate",
      "6",
      "--ignore-eos",
      "--tap",
      "llm.3.tokens",
      "--tap",
      "position_ids",
    );
    expect(outcome).toEqual({ code: 0, out: `backend    wasm (asked for)\nwrote      ${dump}\n`, err: "" });
    const file = openSafetensors(dump);
    const place = "nuwa.official.attention.original";
    expect([...readTensor(file, "stage1.indices").values]).toEqual(want.integers("nuwa.official.stage1.indices"));
    expect([...readTensor(file, "stage1.pillars").values]).toEqual(want.integers("nuwa.official.stage1.pillars"));
    expect([...readTensor(file, "stage2.indices").values]).toEqual(want.integers(`${place}.stage2.indices`));
    expect([...readTensor(file, "generated").values]).toEqual(want.integers(`${place}.generated`));
    expect(relativeError(readTensor(file, "logits_last").values, want.floats(`${place}.logits_last`))).toBeLessThan(
      1e-5,
    );
    expect(readTensor(file, "vision.features").shape).toEqual(want.shape("vision.features"));
    expect(readTensor(file, "projector.output").shape).toEqual([want.integers("budget.k")[0], 48]);
    expect(readTensor(file, "llm.3.tokens").shape).toEqual([13 + want.integers("budget.k2")[0], 48]);
  });

  it.each(METHOD_NAMES)("runs %s, and dumps what is left before and behind the decoder", async (method) => {
    const dump = join(folder, "peer.safetensors");
    const average = takesAverage(methodNamed(method)) ? ["--average", "1/2"] : [];
    expect((await forward(fixturePath("square"), dump, "--method", method, ...average)).err).toBe("");
    const file = openSafetensors(dump);
    const entered = readTensor(file, "stage1.indices");
    expect(readTensor(file, "stage1.tokens").shape).toEqual([entered.shape[0], want.shape("vision.features")[1]]);
    const left = readTensor(file, "final.indices");
    expect(left.values).toBeInstanceOf(Int32Array);
    for (const cell of left.values) if (cell >= 0) expect(entered.values).toContain(cell);
    expect(left.values.length).toBeLessThan(method === "none" ? 37 : 36);
  });

  it("frees everything that it made", async () => {
    const before = tf.memory().numTensors;
    await forward(fixturePath("square"), join(folder, "again.safetensors"), "--generate", "2");
    await forward(fixturePath("square"), join(folder, "again.safetensors"), "--tap", "stage1.weights");
    expect(tf.memory().numTensors).toBe(before);
  });

  it("writes nothing when something is wrong", async () => {
    const empty = temporaryFolder();
    const { code } = await forward(fixturePath("square"), join(empty, "dump.safetensors"), "--tap", "stage1.weights");
    expect(code).toBe(2);
    expect(listing(empty)).toEqual([]);
  });

  it("names what passed once by its point alone, and what passed at several cuts by the layer of each, too", async () => {
    const dump = join(folder, "cuts.safetensors");
    const peer = ["--method", "pyramiddrop", "--average", "1/2", "--tap", "stage2.scores"];
    expect((await forward(fixturePath("square"), dump, ...peer)).err).toBe("");
    const names = [...openSafetensors(dump).entries.keys()];
    const once = ["vision.features", "vision.cls_attention", "projector.output", "stage1.indices", "stage1.tokens"];
    expect(names.filter((name) => !name.startsWith("stage2.")).sort()).toEqual(
      [...once, "final.indices", "final.images", "logits_last"].sort(),
    );
    // Six layers, in stages of one.
    const layers = ["layer=1", "layer=2", "layer=3"];
    for (const [point, labels] of [
      ["stage2.indices", layers],
      ["stage2.scores", layers.map((layer) => `${layer}/images=0`)],
    ] as const)
      expect(names.filter((name) => name.startsWith(point))).toEqual([
        point,
        ...labels.map((label) => `${point}/${label}`),
      ]);
  });

  it("refuses a point that the pass did not meet after all, and writes nothing", async () => {
    const dump = join(folder, "unmet.safetensors");
    // Where everything is kept nothing is compared.
    const whole = ["--method", "nuwa", "--average", "1/1", "--tap", "stage1.similarity"];
    const outcome = await forward(fixturePath("square"), dump, ...whole);
    expect(outcome.err).toMatch(/tap "stage1\.similarity" was not met in this run/);
    expect([outcome.code, existsSync(dump)]).toEqual([2, false]);
  });

  it("refuses points that the pass would not meet before it runs", async () => {
    const dump = join(folder, "none.safetensors");
    expect((await forward(fixturePath("square"), dump, "--method", "random", "--tap", "stage2.scores")).err).toMatch(
      "--tap stage2.scores: the method random does not pass there. Leave it out, or use one that does: " +
        "nuwa, fastv, sparsevlm, pyramiddrop, cdpruner, feather, ivcprune.",
    );
    const words = join(folder, "words.safetensors");
    writeSafetensors(words, [["input_ids", { shape: [2], values: Int32Array.of(1, 5) }]]);
    const text = ["forward", "--model", fixturePath("square"), "--inputs", words, "--dump", dump, "--backend", "wasm"];
    expect((await nuwa(...text, "--tap", "llm.0.z", "--tap", "vision.0.z")).err).toMatch(
      "--tap vision.0.z: the prompt has no image, and only images pass there. Leave it out.",
    );
    for (const point of ["final.indices", "final.images", "projector.output", "stage1.tokens"])
      expect((await nuwa(...text, "--tap", point)).err).toMatch(`--tap ${point}: the prompt has no image`);
    expect(existsSync(dump)).toBe(false);
    expect(await nuwa(...text, "--tap", "llm.0.z")).toMatchObject({ code: 0, err: "" });
  });
});

describe("bad input ends in one clear line", () => {
  const dump = join(folder, "never.safetensors");
  const damaged = (damage: (model: string) => void) => {
    const model = copyOf("square");
    damage(model);
    return () => forward(model, dump);
  };
  const config = (change: (json: Record<string, never>) => void) =>
    damaged((model) => editJson(join(model, "config.json"), change));
  const withInputs = (...tensors: Parameters<typeof writeSafetensors>[1] extends Iterable<infer T> ? T[] : never) => {
    const path = join(temporaryFolder(), "inputs.safetensors");
    writeSafetensors(path, tensors);
    return () =>
      nuwa("forward", "--model", fixturePath("square"), "--inputs", path, "--dump", dump, "--backend", "wasm");
  };
  const square = fixturePath("square");
  const header = (text: string) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
    return Buffer.concat([length, Buffer.from(text)]);
  };

  it.each<[string, () => ReturnType<typeof nuwa>, number, RegExp]>([
    ["no such folder", () => forward("nowhere", dump), 1, /nowhere: is not a checkpoint folder/],
    [
      "no such inputs",
      () => nuwa("forward", "--model", square, "--inputs", "nothing.safetensors", "--dump", dump),
      1,
      /nothing\.safetensors: cannot be read.*ENOENT/,
    ],
    ["an unknown option", () => forward(square, dump, "--colour"), 2, /unknown option '--colour'/],
    [
      "a missing option",
      () => nuwa("forward", "--model", square),
      2,
      /required option '--inputs <file>' not specified/,
    ],
    ["an unknown command", () => nuwa("foward"), 2, /unknown command 'foward'/],
    ["an unknown method", () => forward(square, dump, "--method", "magic"), 2, /magic/],
    ["an unknown backend", () => forward(square, dump, "--backend", "gpu"), 2, /gpu/],
    ["an unknown tap", () => forward(square, dump, "--tap", "llm.6.tokens"), 2, /tap "llm\.6\.tokens" does not exist/],
    [
      "a budget larger than the grid",
      () => forward(square, dump, "--method", "nuwa", "--average", "37"),
      2,
      /average 37 exceeds the 36/,
    ],
    ["a budget of zero", () => forward(square, dump, "--method", "nuwa", "--average", "0"), 2, /average "0" is not/],
    [
      "a budget that is no number",
      () => forward(square, dump, "--average", "some", "--method", "nuwa"),
      2,
      /average "some"/,
    ],
    ["zero tokens to generate", () => forward(square, dump, "--generate", "0"), 2, /at least 1/],
    [
      "config.json missing",
      damaged((model) => truncateSync(join(model, "config.json"))),
      1,
      /config\.json: is not JSON/,
    ],
    [
      "another architecture",
      config((json) => Object.assign(json, { model_type: "idefics3" })),
      1,
      /config\.json: field "model_type": "idefics3" is not supported/,
    ],
    [
      "an unsupported field",
      config((json) => Object.assign(json.text_config, { is_causal: false })),
      1,
      /text_config\.is_causal.*not supported/,
    ],
    [
      "scaled rotary positions",
      config((json) => Object.assign(json.text_config, { rope_parameters: { rope_type: "longrope", factor: 8 } })),
      1,
      /rope_parameters\.rope_type.*"default"/,
    ],
    [
      "shapes that disagree",
      config((json) => Object.assign(json.text_config, { intermediate_size: 81 })),
      1,
      /has shape \[80,48\], but config\.json asks for \[81,48\]/,
    ],
    [
      "a missing tensor",
      config((json) => Object.assign(json.text_config, { num_hidden_layers: 7 })),
      1,
      /lacks the tensor language_model\.model\.layers\.6/,
    ],
    [
      "truncated weights",
      damaged((model) => truncateSync(join(model, "model.safetensors"), 5000)),
      1,
      /model\.safetensors: .*truncated/,
    ],
    [
      "weights cut in the data",
      damaged((model) => truncateSync(join(model, "model.safetensors"), 400_000)),
      1,
      /lie outside the file/,
    ],
    [
      "a header that lies about a size",
      damaged((model) =>
        writeFileSync(
          join(model, "model.safetensors"),
          header('{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}}'),
        ),
      ),
      1,
      /tensor "a"/,
    ],
    ["an empty weights file", damaged((model) => truncateSync(join(model, "model.safetensors"))), 1, /too short/],
    [
      "pixels of another size",
      withInputs(["pixel_values", { shape: [3, 2, 2], values: new Float32Array(12) }], ["input_ids", ids]),
      1,
      /pixel_values has shape \[3,2,2\], but config\.json asks for \[3,48,48\]/,
    ],
    [
      "pixels that are not numbers",
      withInputs(["pixel_values", { ...pixels, values: pixels.values.map(() => Number.NaN) }], ["input_ids", ids]),
      1,
      /NaN/,
    ],
    [
      "ids that are floats",
      withInputs(["pixel_values", pixels], ["input_ids", { shape: [2], values: new Float32Array(2) }]),
      1,
      /input_ids must be integers/,
    ],
    [
      "no image token",
      withInputs(["pixel_values", pixels], ["input_ids", { shape: [2], values: Int32Array.of(1, 2) }]),
      1,
      /inputs\.safetensors: input_ids: holds no image token \(id \d+\)/,
    ],
    [
      "image tokens without pixels",
      withInputs(["input_ids", ids]),
      1,
      /inputs\.safetensors: input_ids: holds 1 image tokens, but the file has no pixel_values/,
    ],
    [
      "a run of image tokens of a wrong length",
      withInputs(
        ["pixel_values", pixels],
        ["input_ids", { shape: [37], values: Int32Array.of(1, ...new Array<number>(35).fill(3), 5) }],
      ),
      1,
      /inputs\.safetensors: input_ids: holds 35 image tokens \(id 3\), which do not fit 1 image: found a run of 35\. .*36 in a row/,
    ],
    [
      "such a run before it reads the weights, which are damaged",
      () => {
        const path = join(temporaryFolder(), "inputs.safetensors");
        const run = Int32Array.of(1, ...new Array<number>(35).fill(3), 5);
        writeSafetensors(path, [
          ["pixel_values", pixels],
          ["input_ids", { shape: [37], values: run }],
        ]);
        const model = copyOf("square");
        const weights = join(model, "model.safetensors");
        const bytes = readFileSync(weights);
        writeFileSync(weights, bytes.fill(0xff, bytes.length - 1000));
        return nuwa("forward", "--model", model, "--inputs", path, "--dump", dump);
      },
      1,
      /input_ids: holds 35 image tokens/,
    ],
    [
      "no text token",
      withInputs(["pixel_values", pixels], ["input_ids", { shape: [0], values: new Int32Array(0) }]),
      1,
      /inputs\.safetensors: input_ids: holds no text tokens/,
    ],
    [
      "an id beyond the vocabulary",
      withInputs(["pixel_values", pixels], ["input_ids", { shape: [2], values: Int32Array.of(3, 5000) }]),
      1,
      /inputs\.safetensors: input_ids: token id 5000 is not in the vocabulary/,
    ],
  ])("%s", async (_, work, code, message) => {
    const outcome = await work();
    expect(outcome.err).toMatch(message);
    expect(outcome.code).toBe(code);
    expect(outcome.err.trimEnd().split("\n")).toHaveLength(1);
    expect(outcome.err).not.toMatch(/\n\s+at |internal error/);
    expect(outcome.out).toBe("");
    expect(existsSync(dump)).toBe(false);
  });

  it("a checkpoint too big for the backend's memory, before any weight is read", async () => {
    const model = copyOf("square");
    // 8 billion parameters by the configuration; the file itself holds only a header with holes punched out.
    editJson(join(model, "config.json"), (json) =>
      Object.assign(json.text_config, { vocab_size: 2 ** 24, hidden_size: 48 }),
    );
    const path = join(model, "model.safetensors");
    const original = readFileSync(path);
    const length = Number(original.readBigUInt64LE());
    const json = JSON.parse(original.subarray(8, 8 + length).toString());
    let grown = 0;
    for (const [name, entry] of Object.entries<{ shape: number[]; data_offsets: number[] }>(json)) {
      if (name === "__metadata__") continue;
      if (/embed_tokens|lm_head/.test(name)) entry.shape[0] = 2 ** 24;
      const bytes = 4 * entry.shape.reduce((a, b) => a * b, 1);
      entry.data_offsets = [grown, grown + bytes];
      grown += bytes;
    }
    const fresh = header(JSON.stringify(json));
    writeFileSync(path, fresh);
    truncateSync(path, fresh.length + grown); // a sparse file takes no room on the disk
    const outcome = await forward(model, dump);
    expect(outcome.err).toMatch(
      /needs about .* GiB of memory, one layer at a time, but the wasm backend has .* GiB left/,
    );
    expect(outcome.code).toBe(1);
    truncateSync(path, 0);
  });
});
