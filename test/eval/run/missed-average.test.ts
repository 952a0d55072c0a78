import { describe, expect, it } from "vitest";
import { missedAverage } from "../../../src/eval/run/missed-average.ts";

const at = (method: string, average: string | null) => ({ method, variant: null, average });
const layers = (...counts: number[]) => counts;

describe("an average that is not met", () => {
  it("is said with what entered instead, and that the first layers keep everything", () => {
    expect(missedAverage(at("fastv", "1/9"), layers(144, 1, 1, 1, 1, 1, 1, 1), 144)).toBe(
      "fastv at 1/9: enters 18.9 tokens a layer, not 16.0: its first layer keeps everything",
    );
    expect(missedAverage(at("pyramiddrop", "64"), layers(576, 576, 1, 1), 576)).toMatch(
      /enters 288\.5 tokens a layer, not 64\.0: its first 2 layers keep everything$/,
    );
  });

  it("has no such reason where tokens were dropped before the first layer, or too few are left", () => {
    expect(missedAverage(at("tome", "1/9"), layers(36, 36), 144)).toBe(
      "tome at 1/9: enters 36.0 tokens a layer, not 16.0",
    );
    expect(missedAverage(at("other", "1/1"), layers(144, 1), 144)).toBe(
      "other at 1/1: enters 72.5 tokens a layer, not 144.0",
    );
  });

  it("is said from more than one of a hundred on", () => {
    expect(missedAverage(at("sparsevlm", "300"), layers(304, 304), 576)).toBe(
      "sparsevlm at 300: enters 304.0 tokens a layer, not 300.0",
    );
  });

  it("names the variant", () => {
    expect(missedAverage({ method: "nuwa", variant: "paper", average: "2" }, layers(4, 4), 16)).toMatch(
      /^nuwa \(paper\) at 2:/,
    );
  });
});

it.each([
  ["half a token beside it, as whole tokens allow", at("fastv", "1/9"), layers(31, 2), 144],
  ["one of a hundred beside it", at("sparsevlm", "300"), layers(301, 303), 576],
  ["no average asked for", at("none", null), layers(16, 16), 16],
])("nothing is said with %s", (_, setting, entering, total) => {
  expect(missedAverage(setting, entering, total)).toBeUndefined();
});
