import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { matchTaps, type TapPattern, tapNames, tapPoints } from "../../src/core/tap-points.ts";
import { chain, record, replace } from "../../src/core/taps.ts";

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
