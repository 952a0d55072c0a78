import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { finishSync, runSync, tensorsIn } from "../../src/core/readback.ts";
import { noTap } from "../../src/core/taps.ts";
import { loadModel } from "../../src/io/load.ts";
import type { Method } from "../../src/methods/method.ts";
import { none } from "../../src/methods/none.ts";
import { unitVectors } from "../../src/methods/patches.ts";
import { bipartiteGroups, tome } from "../../src/methods/tome.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { mergingTower } from "../../src/model/llava/tower.ts";
import {
  logSizes,
  type Members,
  mergeMembers,
  mergeTokens,
  type TowerMerge,
  unmerged,
} from "../../src/model/transformer/merging.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { expected, firstGrid, fixturePath, relativeError } from "../support.ts";
import { tinyModel } from "../support-tiny.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("bipartite matching", () => {
  it("merges the likest pairs of even and odd tokens, and never the class token", () => {
    // Token 0 is the class token, and exactly like token 1.
    const vectors = [1, 0, 1, 0, 0, 1, 1, 1, 0.9, 0.1, 0, 1, 1, -1].map(Number);
    const units = unitVectors(Float32Array.from(vectors), 7);
    // Even ones: 2 = (0,1) nearest 5 = (0,1); 4 = (.9,.1) nearest 1 = (1,0); 6 = (1,−1) nearest 1.
    expect(bipartiteGroups(units, 1)).toEqual([[0], [4], [6], [1], [3], [5, 2]]);
    expect(bipartiteGroups(units, 3)).toEqual([[0], [1, 4, 6], [3], [5, 2]]);
  });

  it("compares the mean of the keys over heads", () => {
    // In the first head token 2 is like token 3; in the mean, (0.5, 1.5), it is more like token 1, (0, 1).
    const rows = [
      [1, 1, 1, 1],
      [0, 1, 0, 1],
      [1, 0, 0, 3],
      [1, 0, 1, 0],
    ];
    const { merge } = tome({ merged: [1] });
    const keys = tf.tensor3d([rows]);
    const view = { block: 0, keys, heads: 2, prefixTokens: 1, featureBlock: 1, tap: noTap };
    tf.tidy(() => {
      expect(runSync(() => (merge as TowerMerge)(view))).toEqual([[[0], [1, 2], [3]]]);
    });
    keys.dispose();
  });
});

describe("merging", () => {
  it("weights by size, and remembers what each token is made of", () => {
    tf.tidy(() => {
      const first = [[[0], [1, 2], [3]]];
      const members = mergeMembers(unmerged(1, 4), first);
      expect(members).toEqual([[[0], [1, 2], [3]]]);
      const merged = mergeTokens(tf.tensor3d([[[7], [2], [8]]]), members, [[[0], [2, 1]]]);
      // Two patches at 2 and one at 8.
      expect([...merged.dataSync()]).toEqual([7, 4]);
      expect(mergeMembers(members, [[[0], [2, 1]]])).toEqual([[[0], [3, 1, 2]]]);
      expect([...(logSizes(members)?.dataSync() ?? [])]).toEqual([0, Math.fround(Math.log(2)), 0]);
      expect(logSizes(unmerged(1, 4))).toBeUndefined();
    });
  });

  it("of equal tokens with proportional attention changes nothing that the others see", () => {
    // Without position embeddings, equal patches stay equal through the tower.
    const model = tinyModel({}, (tensors) => {
      const name = "vision_tower.vision_model.embeddings.position_embedding.weight";
      const old = tensors.get(name) as tf.Tensor;
      tensors.set(name, tf.keep(tf.zerosLike(old)));
      old.dispose();
    });
    tf.tidy(() => {
      const colours = tf.tensor4d(
        Float32Array.from({ length: 768 }, (_, i) => ((i % 16) >> 3) - 0.3 * (i >> 8)),
        [1, 3, 16, 16],
      );
      const whole = firstGrid(model.encode({ pixels: colours }, noTap));
      // Columns 0-1 of the grid are of one colour and 2-3 of another: patches 0 and 1, rows 1 and 2, are equal.
      let asked = 0;
      const [
        {
          grids: [merged],
        },
      ] = runSync(() =>
        model.encode({ pixels: colours }, noTap, function* ({ block }) {
          asked++;
          if (block > 0) return undefined;
          return [[[0], [1, 2], ...Array.from({ length: 14 }, (_, i) => [i + 3])]];
        }),
      );
      expect(asked).toBe(3);
      expect(merged.features.shape).toEqual([1, 15, 16]);
      const [all, fewer] = [whole.features.arraySync()[0], merged.features.arraySync()[0]];
      expect(relativeError(fewer.flat(), [all[0], ...all.slice(2)].flat())).toBeLessThan(1e-5);
      expect(
        relativeError((merged.classFeature as tf.Tensor).dataSync(), (whole.classFeature as tf.Tensor).dataSync()),
      ).toBeLessThan(1e-5);
      tf.dispose([...model.tensors.values()]);
    });
  });
});

describe("ToMe", () => {
  const pass = (method: Method) => {
    const model = tinyModel();
    const pixels = tf.tensor4d(
      Float32Array.from({ length: 768 }, (_, i) => Math.sin(1.7 * i)),
      [1, 3, 16, 16],
    );
    const result = runSync(() => forward(model, { pixels, prompts: [[1, 3, 5]] }, method));
    const output = { logits: result.logits.dataSync().slice(), ledger: result.ledgers[0] };
    tf.dispose([pixels, ...tensorsIn(result), ...model.tensors.values()]);
    return output;
  };

  it("is the unpruned model to the bit when nothing merges", () => {
    expect(pass(tome({ merged: [0, 0], positions: "original" })).logits).toEqual(pass(none()).logits);
  });

  it("takes so many tokens away in each block, and every patch is in exactly one of those that are left", () => {
    const tokens = pass(tome({ merged: [5, 3] })).ledger?.tokens ?? [];
    expect(tokens).toHaveLength(8);
    const cells = tokens.map(({ cell }) => cell);
    expect(cells).toEqual([...cells].sort((a, b) => a - b));
    for (let patch = 0; patch < 16; patch++)
      expect(tokens.filter(({ weights }) => (weights?.[patch] ?? 0) > 0)).toHaveLength(1);
    for (const { weights, cell } of tokens) {
      expect(weights?.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 6);
      expect(weights?.[cell]).toBeGreaterThan(0);
    }
  });

  it("merges at most half of the patches in a block, and nothing behind the features", () => {
    expect(pass(tome({ merged: [99, 0, 4] })).ledger?.tokens).toHaveLength(8);
  });
});

describe("ToMe as released", () => {
  const want = expected("peers", "tome.safetensors");
  /** For each token of the beginning the row that it is in now. */
  const rowsOf = (groups: Members[number]) => {
    const rows: number[] = [];
    groups.forEach((members, row) => {
      for (const token of members) rows[token] = row;
    });
    return rows;
  };

  const matchings = want.names.filter((name) => name.endsWith(".drawn")).map((name) => name.replace(".drawn", ""));

  it("was asked for twelve matchings", () => expect(matchings).toHaveLength(12));

  it.each(matchings)("matches, averages and orders the same in two rounds: %s", (name) => {
    const prefix = name.includes("class") ? 1 : 0;
    const r = Number(name.split(".").at(-1));
    tf.tidy(() => {
      const [tokens, width] = want.shape(`${name}.drawn`);
      let x = tf.tensor3d(want.floats(`${name}.drawn`), [1, tokens, width]);
      let members = unmerged(1, tokens);
      const { merge } = tome({ merged: [r, r] });
      for (const block of [0, 1]) {
        const view = { block, keys: x, heads: 1, prefixTokens: prefix, featureBlock: 1, tap: noTap };
        const groups = runSync(() => (merge as TowerMerge)(view));
        if (!groups) continue;
        x = mergeTokens(x, members, groups);
        members = mergeMembers(members, groups);
      }
      expect(rowsOf(members[0])).toEqual(want.integers(`${name}.rows`));
      expect(relativeError(x.dataSync(), want.floats(`${name}.tokens`))).toBeLessThan(1e-5);
    });
  });

  describe.each(["even", "early", "most"])("in the tower of a checkpoint, r %s", (schedule) => {
    it("leaves the same tokens of the same sizes behind every block", () => {
      const model = loadModel(fixturePath("square")) as Llava;
      const merged = want.integers(`tower.${schedule}.r`);
      const pixels = tf.tensor4d(expected("square").floats("pixel_values"), [1, 3, 48, 48]);
      const merge = tome({ merged }).merge as TowerMerge;
      let members = unmerged(1, 37);
      const seen: Members[] = [];
      const watched: TowerMerge = function* (view) {
        const groups = yield* merge(view);
        if (groups) members = mergeMembers(members, groups);
        seen.push(members);
        return groups;
      };
      tf.tidy(() => {
        const { hiddenStates } = finishSync(mergingTower(model, pixels, noTap, watched));
        // Blocks behind the features, here the last one, merge nothing.
        for (let block = 0; block < 5; block++) {
          const name = `tower.${schedule}.${block}`;
          expect(rowsOf(seen[block][0])).toEqual(want.integers(`${name}.rows`));
          expect(seen[block][0].map((rows) => rows.length)).toEqual([...want.floats(`${name}.size`)]);
          expect(relativeError(hiddenStates[block + 1].dataSync(), want.floats(`${name}.tokens`))).toBeLessThan(1e-5);
        }
        expect(seen[5]).toEqual(seen[4]);
      });
      tf.dispose([pixels, ...model.tensors.values()]);
    });
  });
});
