import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attentionBlocking, BLOCKED, type Blocking, QUARTERS } from "../../src/analysis/blocking.ts";
import { decoderEntropy, towerEntropy } from "../../src/analysis/entropy.ts";
import { attentionFlow } from "../../src/analysis/flow.ts";
import { gradientFlow } from "../../src/analysis/gradient-flow.ts";
import { logitLens } from "../../src/analysis/lens.ts";
import { type Measure, measure } from "../../src/analysis/measure.ts";
import { activationPatching } from "../../src/analysis/patching.ts";
import { positionReconstruction } from "../../src/analysis/positions.ts";
import { SEGMENTS, segmentRows } from "../../src/analysis/segments.ts";
import { useBackend } from "../../src/backend/select.ts";
import { run, tensorsIn } from "../../src/core/readback.ts";
import type { TapName } from "../../src/core/tap-points.ts";
import { record, replace } from "../../src/core/taps.ts";
import type { Pruning } from "../../src/methods/method.ts";
import { createPruning, METHOD_NAMES } from "../../src/methods/registry.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import { gradients } from "../../src/pipeline/gradients.ts";
import { type ForwardInputs, forward } from "../../src/pipeline/prefill.ts";
import { batchOf } from "../../src/pipeline/processor.ts";
import { normals, randomModel } from "../properties/differences.ts";
import { leaked, relativeError } from "../support.ts";
import { IMAGE, preparedNoise, tinyFamily } from "../support-families.ts";
import { askedFor } from "../support-methods.ts";

interface Subject {
  readonly model: Vlm;
  readonly inputs: ForwardInputs;
  /** The same prompt with another image. */
  readonly other: ForwardInputs;
}

const PROMPTS = [[1, 5, IMAGE, 6, 7, 8]];

async function subject(family: string): Promise<Subject> {
  if (family === "llava") {
    const [pixels, others] = [4, 5].map((seed) => normals([1, 3, 16, 16], seed));
    return { model: randomModel(3), inputs: { pixels, prompts: PROMPTS }, other: { pixels: others, prompts: PROMPTS } };
  }
  const { model, preprocessing } = tinyFamily(family as "llava_next" | "qwen2_5_vl");
  const [inputs, other] = preparedNoise(preprocessing, [
    [40, 24],
    [40, 24],
  ]).map((image) => ({ ...batchOf([image]), prompts: PROMPTS }));
  return { model, inputs, other };
}

/** The methods that a family can be pruned by; ToMe's merging is LLaVA-1.5's alone. */
const methodsOf = ({ config }: Vlm) => METHOD_NAMES.filter((name) => name !== "tome" || config.family === "llava");

describe.each(["llava", "llava_next", "qwen2_5_vl"])("what is measured inside a pass of %s", (family) => {
  let { model, inputs, other } = {} as Subject;
  beforeAll(async () => {
    await useBackend("wasm");
    ({ model, inputs, other } = await subject(family));
  });
  afterAll(() => {
    tf.dispose(tensorsIn([inputs, other]));
    disposeModel(model);
  });
  const pruned = (name: string): Pruning => createPruning(name, model.config, askedFor(name, 0.5));
  /** What passes at some points, as nested arrays, with the visits. */
  async function recorded(name: string, points: readonly TapName[]) {
    const recorder = record(points);
    const result = await run(() => forward(model, inputs, pruned(name), recorder.tap));
    const met = points.map((point) =>
      recorder.all(point).map(({ value, visit }) => ({ value: value.arraySync(), visit })),
    );
    const logits = [...result.logits.dataSync()];
    const sequences = result.state.layers.map(({ sequence }) => sequence[0]);
    tf.dispose(tensorsIn(result));
    recorder.dispose();
    return { met, logits, sequences };
  }
  const layerNames = (count: number, name: string) =>
    Array.from({ length: count }, (_, i) => `llm.${i}.${name}` as TapName);

  it("leaves no tensor behind, under any method, and its flow rows sum to 1", async () => {
    for (const name of methodsOf(model)) {
      let found: { flow: readonly (readonly (readonly number[])[])[] } | undefined;
      const left = await leaked(async () => {
        found = await measure(model, inputs, pruned(name), {
          flow: attentionFlow(),
          tower: towerEntropy(),
          decoder: decoderEntropy(),
          lens: logitLens(),
          blocking: attentionBlocking(),
          gradient: gradientFlow(),
          patching: activationPatching({ source: { inputs: other, method: pruned(name) } }),
        });
      });
      expect([name, left]).toEqual([name, 0]);
      for (const flow of found?.flow ?? [])
        flow.forEach((row, a) => {
          expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
          // Nobody looks ahead.
          expect(row.slice(a + 1).every((value) => value === 0)).toBe(true);
        });
    }
  });

  it.each(["none", "nuwa", "sparsevlm"])(
    "counts entropy and flow under %s as loops over the attention do",
    async (name) => {
      const { met, sequences } = await recorded(name, layerNames(4, "attention"));
      const { flow, entropy } = await measure(model, inputs, pruned(name), {
        flow: attentionFlow(),
        entropy: decoderEntropy(),
      });
      met.forEach(([{ value }], layer) => {
        const [heads] = value as number[][][][];
        const mean = heads[0].map((row, i) =>
          row.map((_, j) => heads.reduce((sum, own) => sum + own[i][j], 0) / heads.length),
        );
        const rows = segmentRows(sequences[layer]);
        const wanted = SEGMENTS.map((a) =>
          SEGMENTS.map((b) => {
            const each = rows[a].map((i) => rows[b].reduce((sum, j) => sum + mean[i][j], 0));
            return each.reduce((sum, one) => sum + one, 0) / Math.max(1, each.length);
          }),
        );
        expect(relativeError(flow[layer].flat(), wanted.flat())).toBeLessThan(1e-5);
        const visual = sequences[layer].flatMap((slot, row) => (slot?.kind === "visual" ? [row] : []));
        const entropies = visual.slice(1).map((i, at) => {
          const own = visual.slice(0, at + 1).map((j) => mean[i][j]);
          const total = own.reduce((sum, one) => sum + one, 0);
          return own.reduce((sum, one) => sum - (one > 0 ? (one / total) * Math.log2(one / total) : 0), 0);
        });
        const average = entropies.reduce((sum, one) => sum + one, 0) / Math.max(1, entropies.length);
        expect(entropy[layer]).toBeCloseTo(average, 5);
      });
    },
  );

  it.each(["none", "nuwa", "sparsevlm"])(
    "weights the flow under %s by the gradients of one tape over all layers",
    async (name) => {
      const points = layerNames(4, "attention");
      const { met, sequences, logits } = await recorded(name, points);
      const token = logits.indexOf(Math.max(...logits));
      const shifts = met.map(([{ value }]) => tf.zerosLike(tf.tensor(value as number[][][][])));
      const tap = replace(Object.fromEntries(points.map((point, i) => [point, (x: tf.Tensor) => x.add(shifts[i])])));
      const logit = (result: { logits: tf.Tensor }) => result.logits.flatten().slice([token], [1]).squeeze<tf.Scalar>();
      const whole = await gradients(model, inputs, pruned(name), logit, shifts, tap);
      const { flow } = await measure(model, inputs, pruned(name), { flow: gradientFlow() });
      whole.gradients.forEach((gradient, layer) => {
        const [slopes] = gradient.arraySync() as number[][][][];
        const [heads] = met[layer][0].value as number[][][][];
        const rows = segmentRows(sequences[layer]);
        const at = (i: number, j: number) =>
          heads.reduce((sum, own, a) => sum + Math.max(0, own[i][j] * slopes[a][i][j]), 0) / heads.length;
        const wanted = SEGMENTS.map((a) =>
          SEGMENTS.map(
            (b) =>
              rows[a].reduce((sum, i) => sum + rows[b].reduce((own, j) => own + at(i, j), 0), 0) /
              Math.max(1, rows[a].length),
          ),
        );
        expect(relativeError(flow[layer].flat(), wanted.flat())).toBeLessThan(1e-4);
      });
      tf.dispose([shifts, whole.value, ...whole.gradients]);
    },
  );

  it("blocks attention as a pass does in which these weights are nothing", async () => {
    const { blocked } = await measure(model, inputs, pruned("none"), { blocked: attentionBlocking() });
    for (const [kind, who] of Object.entries(BLOCKED) as [Blocking, "visual" | "text" | "last"][])
      for (let quarter = 0; quarter < QUARTERS; quarter++) {
        const tap = replace({
          [`llm.${quarter}.attention_scores`]: (
            scores: tf.Tensor,
            visit?: { sequence?: readonly (readonly unknown[])[] },
          ) => {
            const rows = segmentRows(visit?.sequence?.[0] as never);
            const [looking, visual] = [new Set(rows[who]), new Set(rows.visual)];
            const values = scores.arraySync() as number[][][][];
            for (const head of values[0])
              for (const [i, row] of head.entries())
                for (const j of row.keys())
                  if (i !== j && looking.has(i) && visual.has(j)) row[j] = Number.NEGATIVE_INFINITY;
            return tf.tensor(values);
          },
        });
        const result = await run(() => forward(model, inputs, pruned("none"), tap));
        expect(relativeError(blocked[kind][quarter], result.logits.dataSync())).toBeLessThan(1e-5);
        tf.dispose(tensorsIn(result));
      }
  });

  it("patches all visual tokens before layer 0 into the other run's logits, text into nothing, and one head into less", async () => {
    const source = { inputs: other, method: pruned("none") };
    const result = await run(() => forward(model, other, pruned("none")));
    const wanted = [...result.logits.dataSync()];
    tf.dispose(tensorsIn(result));
    const counted: number[][] = [];
    const passed = (...counts: number[]) => counted.push(counts);
    const { all, heads, one } = await measure(model, inputs, pruned("none"), {
      all: activationPatching({ source, layers: [0, 3], positions: ["visual", "system", [0, 1, 2]], passed }),
      heads: activationPatching({ source, layers: [1], positions: ["visual"], heads: [0, 1, 2, 3] }),
      one: activationPatching({ source, layers: [1], positions: ["visual"], heads: [2] }),
    });
    expect(relativeError(all.logits[0][0], wanted)).toBeLessThan(1e-5);
    expect(all.source).toBeCloseTo(wanted[all.token], 5);
    expect(all.effects[0][0]).toBeCloseTo(all.source - all.own, 4);
    expect(counted).toEqual([1, 2, 3, 4, 5, 6].map((done) => [done, 6]));
    // What stands before the image does not see it.
    expect(Math.abs(all.effects[1][1])).toBeLessThan(1e-4);
    expect(Math.abs(one.effects[0][0] - heads.effects[0][0])).toBeGreaterThan(0);
  });

  it("reads at the last state what the model says, with ranks from 0", async () => {
    const { lens } = await measure(model, inputs, pruned("nuwa"), { lens: logitLens() });
    const { logits } = await recorded("nuwa", ["llm.norm"]);
    expect(lens.lastRank[4]).toBe(0);
    expect(lens.top).toHaveLength(5);
    const last = lens.probability[4];
    // Stage 2 has dropped tokens on the way: they are nowhere.
    expect([...last].filter((share) => share === 0).length).toBeGreaterThan(0);
    for (const [i, id] of lens.top[4].entries()) expect(id === -2).toBe(last[i] === 0);
    expect(logits).toHaveLength(40);
  });

  it("runs the method under each position policy; its own is the pass itself", async () => {
    const method = pruned("visionzip");
    const { positions, logits } = await measure(model, inputs, method, {
      positions: positionReconstruction(),
      logits:
        () =>
        async ({ result }) =>
          (await result.logits.data()) as Float32Array,
    });
    expect(relativeError(positions.compressed.logits, logits)).toBeLessThan(1e-6);
    expect(positions.original.ids).toHaveLength(positions.compressed.ids.length);
    for (const policy of ["original", "rpme"] as const) {
      expect(positions[policy].ids).not.toEqual(positions.compressed.ids);
      expect(positions[policy].divergence).toBeGreaterThan(0);
    }
    const whole = await measure(model, inputs, pruned("none"), { positions: positionReconstruction() });
    // With every token there is nothing to reconstruct.
    for (const { divergence } of Object.values(whole.positions)) expect(divergence).toBeLessThan(1e-6);
  });

  it("holds the attention of one layer at a time", async () => {
    const held: number[] = [];
    let attention = 0;
    const meter: Measure<void> = ({ tapLayers }, watch) => {
      for (let i = 0; i < tapLayers.llm; i++)
        watch.at(`llm.${i}.attention`, (x) => {
          held.push(tf.memory().numBytes);
          attention = 4 * x.size;
          return tf.scalar(0);
        });
      return async () => undefined;
    };
    await measure(model, inputs, pruned("none"), { flow: attentionFlow(), entropy: decoderEntropy(), meter });
    const growth = held.slice(1).map((bytes, i) => bytes - held[i]);
    // Between layers there remain their caches and what was measured.
    for (const bytes of growth) expect(bytes).toBeLessThan(attention);
  });
});
