import { describe, expect, it } from "vitest";
import { paperFlops } from "../../src/measure/cost.ts";

/** LLaVA-1.5-7B's decoder. */
const [HIDDEN, INTERMEDIATE] = [4096, 11008];
const layers = (...runs: [tokens: number, count: number][]) =>
  runs.flatMap(([tokens, count]) => new Array<number>(count).fill(tokens));

/** The formula's value, and what the paper prints: it is up to 0.03 % off its own formula. */
describe("the paper's cost of visual tokens, in TFLOP", () => {
  it.each([
    ["unpruned", layers([576, 32]), 5.9722, 5.973],
    ["VisionZip, 64", layers([64, 32]), 0.6464, 0.6461],
    ["Nüwa, 64", layers([112, 16], [16, 16]), 0.6476, 0.6476],
    ["FastV, 64", layers([576, 3], [30, 29]), 0.834, 0.8341],
    ["SparseVLM, 64", layers([576, 3], [66, 4], [30, 9], [17, 16]), 0.8139, 0.8141],
  ])("%s", (_, perLayer, tera, printed) => {
    const ours = paperFlops(perLayer, HIDDEN, INTERMEDIATE) / 1e12;
    expect(ours).toBeCloseTo(tera, 4);
    expect(Math.abs(ours / printed - 1)).toBeLessThan(5e-4);
  });
});
