import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerAttention } from "../../src/analysis/answer-attention.ts";
import { attentionBlocking, BLOCKED, type Blocking, QUARTERS } from "../../src/analysis/blocking.ts";
import { objectCohesion } from "../../src/analysis/cohesion.ts";
import { towerEntropy, towerPatches } from "../../src/analysis/entropy.ts";
import { logitLens, logitLensInParts } from "../../src/analysis/lens.ts";
import { measure } from "../../src/analysis/measure.ts";
import { normOverlap, topCount } from "../../src/analysis/norms.ts";
import { activationPatching } from "../../src/analysis/patching.ts";
import { positionReconstruction } from "../../src/analysis/positions.ts";
import { SEGMENTS } from "../../src/analysis/segments.ts";
import { useBackend } from "../../src/backend/select.ts";
import type { Box } from "../../src/core/boxes.ts";
import { patchCount } from "../../src/core/grid.ts";
import { recordReadbacks, replay, run, tensorsIn, tidy, type Values } from "../../src/core/readback.ts";
import type { Slot } from "../../src/core/slots.ts";
import type { TapName } from "../../src/core/tap-points.ts";
import { noTap, type Recorder, record, replace, type Visit } from "../../src/core/taps.ts";
import { createPruning } from "../../src/methods/registry.ts";
import { finalNorm, lmHead } from "../../src/model/transformer/decoder.ts";
import { disposeModel, type EncodedGrid, type EncodedImages, type Vlm } from "../../src/model/vlm.ts";
import { type ForwardInputs, type ForwardResult, forward } from "../../src/pipeline/prefill.ts";
import { batchOf } from "../../src/pipeline/processor.ts";
import { normals, randomModel } from "../properties/differences.ts";
import { relativeError } from "../support.ts";
import { IMAGE, preparedNoise, tinyFamily } from "../support-families.ts";
import { tinyModel } from "../support-tiny.ts";

/*
 * The analyses once more in plain loops over what a whole pass shows, and interventions as whole passes with the
 * selections of the measured one: nothing of src/analysis and src/pipeline/continue.ts takes part in what is wanted.
 */

const PROMPTS = [[1, 5, IMAGE, 6, 7, 8]];
/** Not in the middle, and with edges on centres of four columns. */
const BOX: Box = [0.125, 0.1, 0.625, 0.7];
type Nested = number[][][][];

/** What a layer's rows are, in order; the prompts have two tokens before the image and three behind it. */
function segmentsOf(slots: readonly Slot[]): Record<(typeof SEGMENTS)[number], number[]> {
  const rows = [...slots.keys()];
  const last = slots.length - 1;
  const ofImage = rows.filter((row) => slots[row]?.kind !== "text");
  return {
    system: [0, 1],
    visual: ofImage,
    text: rows.filter((row) => row > 1 && row < last && !ofImage.includes(row)),
    last: [last],
  };
}

/** What stands in a row, in words that another run has, too. */
const nameOf = (slots: readonly Slot[]) => (row: number) => {
  const slot = slots[row];
  if (slot?.kind === "separator") return `separator ${slot.line}`;
  if (slot?.kind === "visual") return slot.cell < 0 ? `made ${slot.row}` : `cell ${slot.cell}`;
  return row < 2 ? `front ${row}` : `back ${slots.length - row}`;
};

const visualRows = (slots: readonly Slot[]) =>
  slots.flatMap((slot, row) => (slot?.kind === "visual" ? [{ row, slot }] : []));

describe.each([
  ["llava", ["nuwa", "sparsevlm"]],
  ["llava_next", ["nuwa"]],
  ["qwen2_5_vl", ["nuwa"]],
] as const)("analyses of %s in plain loops", (family, methods) => {
  let model: Vlm;
  let [inputs, other]: ForwardInputs[] = [];
  beforeAll(async () => {
    await useBackend("wasm");
    if (family === "llava") {
      model = randomModel(3);
      [inputs, other] = [4, 5].map((seed) => ({ pixels: normals([1, 3, 16, 16], seed), prompts: PROMPTS }));
    } else {
      const tiny = tinyFamily(family);
      model = tiny.model;
      const size = [40, 24] as const;
      [inputs, other] = preparedNoise(tiny.preprocessing, [size, size]).map((image) => ({
        ...batchOf([image]),
        prompts: PROMPTS,
      }));
    }
  });
  afterAll(() => {
    tf.dispose(tensorsIn([inputs, other]));
    disposeModel(model);
  });

  describe.each([...methods])("under %s", (name) => {
    const layers = 4;
    const unpruned = () => createPruning("none", model.config);
    const pruning = () => createPruning(name, model.config, { average: { ratio: 0.5 } });
    const each = (point: string, count = layers) =>
      Array.from({ length: count }, (_, i) => point.replace("*", String(i)) as TapName);
    let pass: ForwardResult;
    let values: readonly Values[];
    let slots: readonly (readonly Slot[])[];
    let seen: Recorder;
    let second: Recorder;
    let theirs: readonly (readonly Slot[])[];
    let token: number;
    beforeAll(async () => {
      const states: TapName[] = [...each("llm.*.tokens"), "llm.3.output"];
      seen = record([...states, ...each("llm.*.attention"), ...each("vision.*.attention", model.tapLayers.vision)]);
      ({ result: pass, values } = await recordReadbacks(() => forward(model, inputs, pruning(), seen.tap)));
      slots = pass.state.layers.map(({ sequence }) => sequence[0]);
      const logits = [...pass.logits.dataSync()];
      token = logits.indexOf(Math.max(...logits));
      second = record([...each("llm.*.tokens"), ...each("llm.*.z")]);
      const result = await run(() => forward(model, other, unpruned(), second.tap));
      theirs = result.state.layers.map(({ sequence }) => sequence[0]);
      tf.dispose(tensorsIn(result));
    });
    afterAll(() => {
      tf.dispose(tensorsIn(pass));
      seen.dispose();
      second.dispose();
    });
    /** Logits of the whole pass with its own selections, some values on the way being others. */
    const logitsWith = (changes: Readonly<Record<string, (x: tf.Tensor) => tf.Tensor>>): Float32Array =>
      tf.tidy(() =>
        replay(() => forward(model, inputs, pruning(), replace(changes as never)), values)
          .logits.dataSync()
          .slice(),
      ) as Float32Array;

    it("attention of the last token, and entropy of the tower", async () => {
      const found = await measure(model, inputs, pruning(), {
        attention: answerAttention(),
        tower: towerEntropy(),
        patches: towerPatches(),
      });
      each("llm.*.attention").forEach((point, layer) => {
        const [heads] = seen.get(point).arraySync() as Nested;
        const visual = visualRows(slots[layer]);
        const wanted = visual.map(
          ({ row }) => heads.reduce((sum, head) => sum + (head.at(-1) as number[])[row], 0) / heads.length,
        );
        expect(found.attention[layer].tokens).toEqual(visual.map(({ slot }) => slot.row));
        expect(relativeError(found.attention[layer].weights, wanted)).toBeLessThan(1e-5);
      });
      each("vision.*.attention", model.tapLayers.vision).forEach((point, block) => {
        const [{ value, visit }] = seen.all(point);
        expect(found.tower[block]).toBeCloseTo(entropyIn(value.arraySync() as Nested, visit), 5);
      });
      // 16 patches a tile; 40 × 24 pixels are 10 × 6 patches, of which four make a cell.
      expect(found.patches).toBe(family === "qwen2_5_vl" ? 60 : 16);
    });

    it.each([
      ["at once", logitLens()],
      ["one token at a time", logitLensInParts(1)],
      ["three at a time", logitLensInParts(125)], // of 40 scores each
    ])("the lens, by the head on every row, %s", async (_, measured) => {
      const { lens } = await measure(model, inputs, pruning(), { lens: measured });
      expect(lens.top[0].length).toBeGreaterThan(4);
      [...each("llm.*.tokens"), "llm.3.output" as TapName].forEach((point, state) => {
        const [scores] = tf.tidy(() =>
          lmHead(model, finalNorm(model, seen.get(point) as tf.Tensor3D)).arraySync(),
        ) as number[][][];
        const here = slots[Math.min(state, layers - 1)];
        const wanted = new Map(
          visualRows(here).map(({ row, slot }) => {
            const most = Math.max(...scores[row]);
            const share = 1 / scores[row].reduce((sum, score) => sum + Math.exp(score - most), 0);
            return [slot.row, { id: scores[row].indexOf(most), share }];
          }),
        );
        for (const [number, id] of lens.top[state].entries()) {
          expect([state, number, id]).toEqual([state, number, wanted.get(number)?.id ?? -2]);
          expect(lens.probability[state][number]).toBeCloseTo(wanted.get(number)?.share ?? 0, 5);
        }
        const last = scores[here.length - 1];
        expect(lens.lastRank[state]).toBe(last.filter((score) => score > last[token]).length);
      });
    });

    it("blocking, by a whole pass that is blocked", async () => {
      const { blocked } = await measure(model, inputs, pruning(), { blocked: attentionBlocking() });
      for (const [kind, who] of Object.entries(BLOCKED) as [Blocking, "visual" | "text" | "last"][])
        for (let quarter = 0; quarter < QUARTERS; quarter++) {
          const { visual, ...rows } = segmentsOf(slots[quarter]);
          const wanted = logitsWith({
            [`llm.${quarter}.attention_scores`]: (scores) => {
              const all = scores.arraySync() as Nested;
              for (const head of all[0])
                for (const i of who === "visual" ? visual : rows[who])
                  for (const j of visual) if (i !== j) head[i][j] = Number.NEGATIVE_INFINITY;
              return tf.tensor(all);
            },
          });
          expect(relativeError(blocked[kind][quarter], wanted)).toBeLessThan(1e-5);
        }
    });

    it("patching, by a whole pass into which the rows are put", async () => {
      const source = { inputs: other, method: unpruned() };
      const { states, heads } = await measure(model, inputs, pruning(), {
        states: activationPatching({ source, positions: SEGMENTS }),
        heads: activationPatching({ source, positions: ["visual", "text"], heads: [1, 3] }),
      });
      for (let layer = 0; layer < layers; layer++) {
        const [mine, their] = [nameOf(slots[layer]), nameOf(theirs[layer])];
        const rowOf = new Map(theirs[layer].map((_, row) => [their(row), row]));
        const pairs = (segment: (typeof SEGMENTS)[number]) =>
          segmentsOf(slots[layer])[segment].flatMap((row) => {
            const from = rowOf.get(mine(row));
            return from === undefined ? [] : [[row, from]];
          });
        SEGMENTS.forEach((segment, group) => {
          const [put] = second.get(`llm.${layer}.tokens`).arraySync() as number[][][];
          const wanted = logitsWith({
            [`llm.${layer}.tokens`]: (x) => {
              const all = x.arraySync() as number[][][];
              for (const [row, from] of pairs(segment)) all[0][row] = put[from];
              return tf.tensor(all);
            },
          });
          expect(relativeError(states.logits[layer][group], wanted)).toBeLessThan(1e-5);
          const own = pass.logits.dataSync()[token];
          expect(states.effects[layer][group]).toBeCloseTo(wanted[token] - own, 4);
        });
        (["visual", "text"] as const).forEach((segment, group) => {
          const [put] = second.get(`llm.${layer}.z`).arraySync() as Nested;
          const wanted = logitsWith({
            [`llm.${layer}.z`]: (z) => {
              const all = z.arraySync() as Nested;
              for (const [row, from] of pairs(segment)) for (const head of [1, 3]) all[0][head][row] = put[head][from];
              return tf.tensor(all);
            },
          });
          expect(relativeError(heads.logits[layer][group], wanted)).toBeLessThan(1e-5);
        });
      }
    });

    it("the divergence of the positions from the unpruned model, in bits", async () => {
      const { positions } = await measure(model, inputs, pruning(), { positions: positionReconstruction() });
      const whole = await run(() => forward(model, inputs, unpruned()));
      const p = softmax(whole.logits.dataSync());
      tf.dispose(tensorsIn(whole));
      for (const { logits, divergence, token } of Object.values(positions)) {
        const q = softmax(logits);
        expect(divergence).toBeCloseTo(
          p.reduce((sum, own, i) => sum + own * Math.log2(own / q[i]), 0),
          4,
        );
        expect(token).toBe(q.indexOf(Math.max(...q)));
      }
    });

    it("cohesion and norms, by sorting", async () => {
      const towers = tidy(() => {
        // Nothing is read out on the way, and what states are computed from must be there.
        const [{ grids }] = model.encode(inputs as never, noTap).next().value as readonly EncodedImages[];
        return grids.map((grid) => statesIn(grid, model.tapLayers.vision + 1));
      });
      const found = await measure(model, inputs, pruning(), { objects: objectCohesion(BOX), norms: normOverlap() });
      let first = 0;
      towers.forEach(({ grid, states, attention }, g) => {
        const all = [...new Array(patchCount(grid)).keys()];
        states.forEach((state, i) => {
          const wanted = cohesionIn(
            all.map((cell) => ({ cell, vector: state[cell] })),
            grid,
          );
          expect([i, found.objects[g].vision[i]]).toEqual([i, expect.closeTo(wanted, 6)]);
          const count = topCount(all.length);
          const lengths = state.map((row) => Math.hypot(...row));
          const [high, looked] = [lengths, attention].map((scores) =>
            [...all].sort((a, b) => scores[b] - scores[a] || a - b).slice(0, count),
          );
          const share = high.filter((cell) => looked.includes(cell)).length / count;
          expect(found.norms[g][i]).toBeCloseTo(share, 6);
        });
        each("llm.*.tokens").forEach((point, layer) => {
          const [state] = seen.get(point).arraySync() as number[][][];
          const there = visualRows(slots[layer])
            .map(({ row, slot }) => ({ cell: slot.cell - first, vector: state[row] }))
            .filter(({ cell }) => cell >= 0 && cell < all.length);
          expect(found.objects[g].llm[layer]).toBeCloseTo(cohesionIn(there, grid), 6);
        });
        first += all.length;
      });
    });
  });
});

it("blocking follows a cut in the middle of a quarter", async () => {
  await useBackend("wasm");
  const model = tinyModel({ text: { num_hidden_layers: 6 } });
  const inputs = { pixels: normals([1, 3, 16, 16], 4), prompts: PROMPTS };
  const method = createPruning("sparsevlm", model.config, { average: { ratio: 0.5 } });
  // Layers 1 and 2 are the second quarter of six.
  const { found, counts } = await measure(model, inputs, method, {
    found: attentionBlocking(),
    counts:
      () =>
      async ({ slots }) =>
        slots.map((layer) => visualRows(layer).length),
  });
  expect(counts[1]).toBeGreaterThan(counts[2]);
  const mask = (scores: tf.Tensor, { sequence = [] }: Visit) => {
    const { visual, text } = segmentsOf(sequence[0]);
    const all = scores.arraySync() as Nested;
    for (const head of all[0]) for (const i of text) for (const j of visual) head[i][j] = Number.NEGATIVE_INFINITY;
    return tf.tensor(all);
  };
  const tap = replace({ "llm.1.attention_scores": mask, "llm.2.attention_scores": mask } as never);
  const { values } = await recordReadbacks(() => forward(model, inputs, method));
  const wanted = tidy(() =>
    replay(() => forward(model, inputs, method, tap), values)
      .logits.dataSync()
      .slice(),
  );
  expect(relativeError(found.text_vision[1], wanted)).toBeLessThan(1e-5);
  inputs.pixels.dispose();
  disposeModel(model);
});

it("norms of many patches, by sorting", async () => {
  await useBackend("wasm");
  const model = tinyModel({ vision: { image_size: [40, 40] } });
  const inputs = { pixels: normals([1, 3, 40, 40], 4), prompts: PROMPTS };
  const { found } = await measure(model, inputs, createPruning("none", model.config), { found: normOverlap() });
  const { states, attention } = tidy(() => {
    const [{ grids }] = model.encode(inputs as never, noTap).next().value as readonly EncodedImages[];
    return statesIn(grids[0], model.tapLayers.vision + 1);
  });
  const highest = (scores: readonly number[]) =>
    [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b).slice(0, 5);
  const looked = highest(attention);
  const wanted = states.map(
    (state) => highest(state.map((row) => Math.hypot(...row))).filter((cell) => looked.includes(cell)).length / 5,
  );
  expect(Math.max(...wanted)).toBeGreaterThan(0);
  expect(relativeError(found[0], wanted)).toBeLessThan(1e-6);
  inputs.pixels.dispose();
  disposeModel(model);
});

describe("a tower that merges", () => {
  it.each([
    ["cohesion", objectCohesion(BOX)],
    ["norms", normOverlap()],
  ])("has no patches for %s", async (name, one) => {
    await useBackend("wasm");
    const model = randomModel(3);
    const inputs = { pixels: normals([1, 3, 16, 16], 4), prompts: PROMPTS };
    const method = createPruning("tome", model.config, { average: { ratio: 0.5 } });
    await expect(measure(model, inputs, method, { one: one as never })).rejects.toThrow(
      new RegExp(`^${name}: the method merges tokens in the tower, .* Leave it out, or take another method\\.$`),
    );
    inputs.pixels.dispose();
    disposeModel(model);
  });
});

it("the patches of which the largest norms are compared are the whole number next to a twentieth", () => {
  expect([16, 144, 576, 9].map(topCount)).toEqual([1, 7, 29, 0]);
});

function softmax(logits: ArrayLike<number>): number[] {
  const most = Math.max(...Array.from(logits));
  const powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((all, one) => all + one);
  return powers.map((power) => power / sum);
}

/** States of the tower and attention of one grid, as arrays. */
function statesIn(grid: EncodedGrid, count: number) {
  const states = Array.from({ length: count }, (_, i) => (grid.meanState(i, i).arraySync() as number[][][])[0]);
  return { grid: grid.grid, states, attention: (grid.clsAttention.arraySync() as number[][])[0] };
}

/** Eq. 1 of one block: mean over patches of all images, each over the others of its window. */
function entropyIn(attention: Nested, { prefixTokens: prefix = 0, windows }: Visit): number {
  let [sum, patches] = [0, 0];
  for (const heads of attention) {
    let start = prefix;
    for (const length of windows ?? [heads[0].length - prefix]) {
      for (let own = 0; own < length; own++) {
        // Inside windows a row has a column for each patch of its window.
        const columns = [...new Array(length).keys()].filter((column) => column !== own);
        const paid = columns.map((column) =>
          heads.reduce((all, head) => all + head[start + own][(windows ? 0 : prefix) + column], 0),
        );
        const total = paid.reduce((all, one) => all + one, 0);
        for (const one of paid) if (one > 0) sum -= (one / total) * Math.log2(one / total);
        patches++;
      }
      start += length;
    }
  }
  return sum / patches;
}

/** Eq. 2 of what is left of one grid. */
function cohesionIn(
  left: readonly { readonly cell: number; readonly vector: readonly number[] }[],
  { rows, columns }: { readonly rows: number; readonly columns: number },
): number {
  const at = (cell: number) => [Math.floor(cell / columns), cell % columns];
  const inside = left.filter(({ cell }) => {
    const [row, column] = at(cell);
    const [x, y] = [(column + 0.5) / columns, (row + 0.5) / rows];
    return x >= BOX[0] && x <= BOX[2] && y >= BOX[1] && y <= BOX[3];
  });
  if (inside.length === 0) return 0;
  const middle = [
    Math.min(rows - 1, Math.floor((rows * (BOX[1] + BOX[3])) / 2)),
    Math.min(columns - 1, Math.floor((columns * (BOX[0] + BOX[2])) / 2)),
  ];
  const distance = (cell: number) => at(cell).reduce((sum, place, axis) => sum + (place - middle[axis]) ** 2, 0);
  const centre = [...left].sort((a, b) => distance(a.cell) - distance(b.cell))[0];
  const cosine = (vector: readonly number[]) =>
    vector.reduce((sum, value, i) => sum + value * centre.vector[i], 0) / Math.hypot(...vector);
  const near = [...left]
    .sort((a, b) => (a === centre ? -1 : b === centre ? 1 : cosine(b.vector) - cosine(a.vector)))
    .slice(0, inside.length);
  const both = inside.filter((one) => near.includes(one)).length;
  return both / (2 * inside.length - both);
}
