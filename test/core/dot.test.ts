import { describe, expect, it } from "vitest";
import { dot, watchDots } from "../../src/core/dot.ts";

describe("the dot product", () => {
  it("is summed in float64, from the first pair on, whatever the vectors are stored as", () => {
    expect(dot([1, 2, 3], [4, -5, 6])).toBe(12);
    expect(dot([], [])).toBe(0);
    const [large, small] = [2 ** 25, 1];
    expect(dot(Float32Array.of(large, small), Float32Array.of(1, 1))).toBe(2 ** 25 + 1);
    expect(Math.fround(large + small)).toBe(large);
  });
});

describe("watching dot products", () => {
  it("tells every watcher the length of the vectors until it ends", () => {
    const seen: number[] = [];
    const ends = [watchDots((length) => seen.push(length)), watchDots((length) => seen.push(-length))];
    dot([1, 2], [3, 4]);
    ends[0]();
    ends[0]();
    dot([1], [1]);
    ends[1]();
    dot([], []);
    expect(seen).toEqual([2, -2, -1]);
  });
});
