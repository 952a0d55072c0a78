import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { heat } from "../../src/view/plots/heat.ts";
import { shares } from "../../src/view/plots/shares.ts";

const parsed = (svg: string) => parseHTML(`<html><body><svg>${svg}</svg></body></html>`).document;
const numbers = (of: Element, ...names: string[]) => names.map((name) => Number(of.getAttribute(name)));

describe("a table of colours", () => {
  const cell = { width: 40, height: 20 };
  const options = { columns: ["", ""], rows: ["", "", ""], unit: "share", cell };
  const cellsOf = (svg: string) => [...parsed(svg).querySelectorAll("rect[stroke]")];

  it("has each value in its column and row, and its word in it", () => {
    const values = [
      [0, 1],
      [0.5, 0.5],
      [Number.NaN, 0],
    ];
    const words = [
      ["a", "b"],
      ["c", "d"],
      ["", "f"],
    ];
    const { svg } = heat("", { ...options, values, words });
    const cells = cellsOf(svg);
    const left = Number(cells[0].getAttribute("x"));
    expect(cells.map((one) => numbers(one, "x", "y", "width", "height"))).toEqual(
      [0, 1, 2].flatMap((y) => [0, 1].map((x) => [left + 40 * x, 20 * y, 40, 20])),
    );
    const colours = cells.map((one) => one.getAttribute("fill"));
    expect(new Set(colours).size).toBe(4);
    expect(colours[2]).toBe(colours[3]);
    expect(colours[0]).toBe(colours[5]);
    expect(colours[4]).toBe("#e9e9e9");
    const texts = [...parsed(svg).querySelectorAll("text[font-size='10']")];
    expect(texts.map((one) => [one.textContent, ...numbers(one, "x")])).toEqual([
      ["a", left + 20],
      ["b", left + 60],
      ["c", left + 20],
      ["d", left + 60],
      ["f", left + 60],
    ]);
  });

  it("has zero in the middle of a scale with two signs, which runs from the least to the largest", () => {
    const { svg } = heat("", { ...options, columns: [""], rows: ["", "", ""], values: [[-1], [0], [4]], signed: true });
    const [, zero, high] = cellsOf(svg).map((one) => one.getAttribute("fill"));
    const steps = [...parsed(svg).querySelectorAll("rect:not([stroke])")].map((one) => one.getAttribute("fill"));
    const levels = (colour: string | null | undefined) => (colour?.match(/\d+/g) ?? []).map(Number);
    const far = (a: string | null | undefined, b: string | null | undefined) =>
      levels(a).reduce((sum, level, i) => sum + Math.abs(level - levels(b)[i]), 0);
    // White, as far as a step of the scale goes.
    for (const level of levels(zero)) expect(level).toBeGreaterThan(225);
    expect(far(high, steps.at(-1))).toBeLessThan(far(high, steps[0]));
    const [least, most] = [...parsed(svg).querySelectorAll("text")].slice(-3).map((one) => one.textContent);
    expect([least, most]).toEqual(["-4", "4"]);
  });
});

describe("a logarithmic scale", () => {
  it("has equal steps for equal factors, down to a thousandth of the largest value", () => {
    const values = [[10, 1, 0.1, 0.01, 0.001]];
    const options = { columns: ["", "", "", "", ""], rows: [""], unit: "weight", cell: { width: 10, height: 10 } };
    const { svg } = heat("", { ...options, values, logarithmic: true });
    const rects = [...parsed(svg).querySelectorAll("rect")].map((one) => one.getAttribute("fill") as string);
    const levels = (colour: string) => (colour.match(/\d+/g) ?? []).map(Number);
    const [cells, steps] = [rects.slice(0, 5), rects.slice(5)];
    const nearest = cells.map((cell) => {
      const far = steps.map((step) =>
        levels(step).reduce((sum, level, i) => sum + Math.abs(level - levels(cell)[i]), 0),
      );
      return far.indexOf(Math.min(...far)) / (steps.length - 1);
    });
    [1, 2 / 3, 1 / 3, 0, 0].forEach((share, i) => {
      expect(Math.abs(nearest[i] - share)).toBeLessThan(0.04);
    });
    const texts = [...parsed(svg).querySelectorAll("text")].map((one) => one.textContent);
    expect(texts.slice(-3)).toEqual(["0.01", "10", "weight"]);
  });
});

describe("bars in parts", () => {
  it("have the colours that the legend says, the first part at the bottom", () => {
    const legend = [
      { name: "few", colour: "#111111" },
      { name: "many", colour: "#eeeeee" },
    ];
    const { svg } = shares("", [[0.2, 0.8]], legend, { x: "layer", y: "share" });
    const bars = [...parsed(svg).querySelectorAll("rect")];
    const [few, many] = legend.map(({ colour }) => bars.find((one) => one.getAttribute("fill") === colour) as Element);
    const [[lower, small], [upper, large]] = [few, many].map((one) => numbers(one, "y", "height"));
    expect(large / small).toBeCloseTo(4, 1);
    expect(lower).toBeGreaterThan(upper);
  });
});
