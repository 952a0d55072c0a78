import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { matchTaps, type TapPattern, tapNames, tapPoints } from "../../src/core/tap-points.ts";
import { chain, ofLastCut, record, replace, type Visit, visitLabel, wants, within } from "../../src/core/taps.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("the tap", () => {
  const known = tapNames({ vision: 2, llm: 3 });

  it("has enumerable names without duplicates", () => {
    expect(new Set(known).size).toBe(known.length);
    expect(known).toContain("vision.hidden_states.2");
    expect(known).toContain("llm.2.attention");
    expect(known).not.toContain("llm.3.tokens");
  });

  it("refuses a name that does not exist, and names some that do", () => {
    expect(() => matchTaps("llm.7.tokens", known)).toThrow(/does not exist.*llm\.0\.tokens/);
    expect(matchTaps("llm.1.tokens", known)).toEqual(["llm.1.tokens"]);
    expect(matchTaps("llm.*.tokens", known)).toEqual(["llm.0.tokens", "llm.1.tokens", "llm.2.tokens"]);
    expect(matchTaps("vision.*.z", known)).toEqual(["vision.0.z", "vision.1.z"]);
    expect(() => matchTaps("llm.*.token" as TapPattern, known)).toThrow(/Near to it are: .*llm\.0\.tokens/);
    expect(() => matchTaps(".*" as TapPattern, known)).toThrow(/does not exist/);
    expect(tapPoints({ vision: 2, llm: 3 }).every(({ shape, meaning }) => shape && meaning)).toBe(true);
  });

  it("records what passes and outlives the pass; asking for what did not pass is an error", () => {
    const before = tf.memory().numTensors;
    const recorder = record(["llm.norm", "llm.0.tokens"]);
    tf.tidy(() => {
      recorder.tap("llm.norm", tf.tensor1d([1, 2]));
      recorder.tap("logits_last", tf.tensor1d([3]));
    });
    expect([...recorder.get("llm.norm").dataSync()]).toEqual([1, 2]);
    expect(() => recorder.get("llm.0.tokens")).toThrow(/was not met/);
    expect(() => recorder.get("logits_last")).toThrow(/was not met/);
    recorder.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("keeps a value for each grid and each shape of images, and refuses to choose one of them", () => {
    tf.tidy(() => {
      const { tap, get, all, dispose } = record(["stage1.salience"]);
      const pass = {};
      const met = (value: number, visit: Visit) => tap("stage1.salience", tf.tensor1d([value]), visit);
      for (const [value, images, grid] of [
        [1, [0, 2], 0],
        [2, [0, 2], 1],
        [3, [1], 0],
      ] as const)
        met(value, { images, grid, pass });
      expect(all("stage1.salience").map(({ value, visit }) => [value.dataSync()[0], visit.images, visit.grid])).toEqual(
        [
          [1, [0, 2], 0],
          [2, [0, 2], 1],
          [3, [1], 0],
        ],
      );
      expect(() => get("stage1.salience")).toThrow(
        'tap "stage1.salience" was met 3 times, at images=0,2/grid=0, images=0,2/grid=1, images=1/grid=0: ' +
          'take the values with all("stage1.salience").',
      );
      expect(() => met(4, { images: [1], grid: 0, pass })).toThrow(
        'tap "stage1.salience" was met twice at the same place of a pass (images=1/grid=0).',
      );
      // Another pass takes the place of this one.
      met(5, { images: [0], grid: 0, pass: {} });
      expect(get("stage1.salience").dataSync()[0]).toBe(5);
      dispose();
    });
  });

  it("has the last of several cuts under the name itself, and drops the steps of a pass with it", () => {
    tf.tidy(() => {
      const { tap, get, all, steps, dispose } = record(["stage2.indices", "logits_last"]);
      const pass = {};
      for (const layer of [2, 4]) tap("stage2.indices", tf.tensor1d([layer]), { layer, pass });
      expect(get("stage2.indices").dataSync()[0]).toBe(4);
      expect(all("stage2.indices").map(({ visit }) => visit.layer)).toEqual([2, 4]);
      for (const step of [0, 1, 2]) tap("logits_last", tf.tensor1d([step]), { step, pass: {} });
      expect(steps("logits_last")).toEqual([0, 1, 2]);
      tap("logits_last", tf.tensor1d([9]), { step: 1, pass: {} });
      expect(steps("logits_last")).toEqual([0, 1]);
      dispose();
    });
  });

  it("labels a visit by what tells it from others, and a row without an image by none", () => {
    expect(visitLabel("stage2.scores", { layer: 2, images: [0, undefined, 3], grid: 1 })).toBe(
      "layer=2/images=0,none,3/grid=1",
    );
    expect(visitLabel("stage1.salience", { images: [undefined] })).toBe("images=none");
    // The name says the layer.
    expect(visitLabel("llm.2.tokens", { layer: 2 })).toBe("");
  });

  it("takes the last of several cuts, however many values that has", () => {
    tf.tidy(() => {
      const met = [1, 3, 3].map((layer) => ({ value: tf.scalar(layer), visit: { layer } }));
      expect(ofLastCut(met)).toEqual(met.slice(1));
    });
  });

  it("lets what is said at a point go before what is known of the pass, and a chain want what any of its taps wants", () => {
    const seen: Visit[] = [];
    const tap = within(
      (_, x, visit = {}) => {
        seen.push(visit);
        return x;
      },
      { step: 1, grid: 0 },
    );
    tf.tidy(() => tap("llm.2.tokens", tf.scalar(1), { grid: 4 }));
    expect(seen).toEqual([{ layer: 2, step: 1, grid: 4 }]);
    const both = chain(record(["llm.norm"]).tap, record(["logits_last"]).tap);
    expect((["llm.norm", "logits_last", "llm.0.z"] as const).map((name) => wants(both, name))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("replaces what passes, but not by another shape and not lists of indices", () => {
    tf.tidy(() => {
      const doubled = replace({ "llm.norm": (x) => x.mul(2), "stage1.indices": (x) => x });
      const seen = record(["llm.norm"]);
      const out = chain(doubled, seen.tap)("llm.norm", tf.tensor1d([1, 2]));
      expect([...out.dataSync()]).toEqual([2, 4]);
      expect([...seen.get("llm.norm").dataSync()]).toEqual([2, 4]);
      seen.dispose();
      expect(() => doubled("stage1.indices", tf.tensor1d([1]))).toThrow(/recorded, not replaced/);
      expect(() => replace({ "llm.norm": (x) => x.slice(0, 1) })("llm.norm", tf.tensor1d([1, 2]))).toThrow(/shape/);
    });
  });
});
