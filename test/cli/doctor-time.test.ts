import { describe, expect, it } from "vitest";
import { estimate, type Rates } from "../../src/cli/doctor-time.ts";
import type { PlannedWeight } from "../../src/io/weights/plan.ts";
import type { VlmConfig } from "../../src/model/vlm.ts";
import { fixturePath } from "../support.ts";
import { nuwa } from "./support.ts";

const weight = (name: string, ...shape: number[]): PlannedWeight => ({
  name,
  shape,
  bytes: 2 * shape.reduce((product, size) => product * size, 1),
});
/** 4 visual tokens of 2 patches each, and 128 of text; two layers of 2 × 5. */
const CONFIG = {
  facts: { patchesPerToken: 2 },
  text: { numHiddenLayers: 2, numAttentionHeads: 2, headDim: 5 },
  imageShape: { grids: [{ rows: 2, columns: 2 }], extraTokens: 0 },
} as unknown as VlmConfig;
const TOWER = weight("vision_tower.encoder.layers.0.self_attn.q_proj.weight", 10, 10);
const LAYERS = [0, 1].map((i) => weight(`language_model.model.layers.${i}.mlp.up_proj.weight`, 1000, 10));
const REST = [
  weight("language_model.model.embed_tokens.weight", 300, 10),
  weight("language_model.lm_head.weight", 300, 10),
  weight("multi_modal_projector.linear_1.weight", 10, 10),
  weight("language_model.model.norm.weight", 10),
];
const TOWER_WORK = 2 * 8 * 100 + 4 * 8 ** 2 * 10;
const PREFILL_WORK = 2 * (132 * 20_000 + 4 * 100 + 3000) + 4 * 132 ** 2 * 2 * 2 * 5;
const group = (one: PlannedWeight) => ({ prefix: "", stack: "", weights: [one] });

describe("the time that nuwa doctor estimates for a question", () => {
  const rates: Rates = { products: 1000, rows: 1e9, reading: 1e9 };

  it("is that of the products, all weights being held", () => {
    const held = [TOWER, ...LAYERS, ...REST];
    const found = estimate(CONFIG, { held, streamed: [] }, rates);
    expect(found.tower).toBeCloseTo(TOWER_WORK / 1000, 9);
    expect(found.prefill).toBeCloseTo(PREFILL_WORK / 1000, 9);
    expect(found.token).toBeCloseTo((4 * 23_000) / 1e9, 9);
    expect(found.loading).toBeCloseTo(held.reduce((sum, { bytes }) => sum + bytes, 0) / 1e9, 9);
  });

  it("is that of reading where layers are read more slowly than computed, and for each token anew", () => {
    const slow = { ...rates, reading: 10 };
    const found = estimate(CONFIG, { held: [TOWER, LAYERS[0], ...REST], streamed: [group(LAYERS[1])] }, slow);
    expect(found.tower).toBeCloseTo(TOWER_WORK / 1000, 9);
    expect(found.prefill).toBeCloseTo(PREFILL_WORK / 1000, 9);
    expect(found.token).toBeCloseTo(LAYERS[1].bytes / 10 + (4 * 23_000) / 1e9, 9);
    const slower = estimate(CONFIG, { held: REST, streamed: [TOWER, ...LAYERS].map(group) }, { ...rates, reading: 1 });
    expect(slower.tower).toBeCloseTo(TOWER.bytes, 9);
    expect(slower.prefill).toBeCloseTo(LAYERS[0].bytes + LAYERS[1].bytes, 9);
  });
});

describe("nuwa doctor --model", () => {
  it("says that everything fits, on which backend, and how long the parts of a question take about", async () => {
    const { code, out, err } = await nuwa("doctor", "--model", fixturePath("square"), "--backend", "wasm");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^backend +wasm \(asked for\)$/m);
    expect(out).toMatch(/^memory +\d+ MB; all weights are held$/m);
    const rate = String.raw`(\d+\.\d) GB/s`;
    const [, ...rates] =
      new RegExp(`^measured +products (\\d+) GFLOP/s, of one row ${rate} of weights, files ${rate}$`, "m").exec(out) ??
      [];
    expect(Number(rates[0])).toBeGreaterThan(0);
    expect(out).toMatch(/^estimate +from these rates and operation counts, without pruning/m);
    const times = [...out.matchAll(/^ +([\d.e-]+) s (?:to load|for)/gm)].map(([, time]) => Number(time));
    expect(times).toHaveLength(4);
    for (const time of times) expect(time).toBeGreaterThan(0);
    expect(out).toMatch(/for the decoder up to the first token of the answer \(164 tokens\)$/m);
  });

  it("says that not even a layer at a time fits into a small --memory, and how much would do", async () => {
    const { code, out } = await nuwa(
      "doctor",
      "--model",
      fixturePath("square"),
      "--memory",
      "1MB",
      "--backend",
      "wasm",
    );
    expect(code).toBe(0);
    expect(out).toMatch(
      /^runs +not here: .*needs about 0\.\d\d GiB of memory, one layer at a time, .* larger --memory/m,
    );
    expect(out).not.toMatch(/^estimate/m);
  });

  it.each(["memory", "backend"])("refuses --%s without a model", async (name) => {
    const value = name === "memory" ? "8GB" : "wasm";
    expect(await nuwa("doctor", `--${name}`, value)).toEqual({
      code: 2,
      out: "",
      err: `nuwa: --${name} says how a checkpoint would run. Name one with --model, or leave it out.\n`,
    });
  });
});
