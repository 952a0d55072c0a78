import { describe, expect, it } from "vitest";
import { drawPanels, type PanelsDrawing } from "../../src/view/panels.ts";
import { areasOf, badIds, misplaced, viewBox, wordsOf } from "./support.ts";

const picture = { width: 30, height: 20, pixels: new Uint8Array(1800).fill(90) };
const grid = { rows: 2, columns: 3 };
const draw = (panels: PanelsDrawing["panels"], columns?: number) => drawPanels({ picture, grid, panels, columns });
const count = (svg: string, name: string) => svg.split(`class="${name}"`).length - 1;

describe("panels of one picture", () => {
  it("say below each what its colours, frames, marks and boxes mean", async () => {
    const svg = await draw([
      { title: "values", values: [0.25, 1, Number.NaN, 0.5, 0.5, 0.5] },
      {
        title: "kept <4>",
        kept: [0, 1, 2, 4],
        regionSize: 2,
        marks: [{ mark: "pillar", cells: [0, 4], text: "the best" }],
        boxes: [{ kind: "truth", text: "true", box: [0, 0, 0.5, 1] }],
      },
    ]);
    const words = wordsOf(svg);
    for (const text of ["values", "0.25 1", "no value", "kept <4>", "the best", "not kept", "regions of 2×2", "true"])
      expect(words).toContain(text);
    expect(count(svg, "heat")).toBe(5);
    // Two in cells, one in the legend.
    expect(count(svg, "pillar")).toBe(3);
    expect(count(svg, "box-truth")).toBe(2);
    // Dark: the cell without a value, and in the other panel cells 3 and 5.
    const side = 296 / 3;
    const third = (2 * side).toFixed(2);
    expect(svg).toContain(`class="veil" d="M${third} 0H296V98.67H${third}Z"`);
    expect(count(svg, "veil")).toBe(2);
    expect([misplaced(svg), badIds(svg)]).toEqual([[], []]);
  });

  it("go on in another row, no wider than a whole one, with letters of one height", async () => {
    const titles = ["one", "two", "three", "a fourth title that is longer than its panel is wide"];
    const three = await draw(
      titles.map((title) => ({ title, values: [1e-7, 2, 3, 4, 5, 6] })),
      3,
    );
    expect(viewBox(three)[0]).toBe(640);
    const { pictures } = areasOf(three);
    expect(pictures.map(({ left }) => left)).toEqual([16, 224, 432, 16]);
    expect(new Set(pictures.slice(0, 3).map(({ top }) => top)).size).toBe(1);
    expect(pictures[3].top).toBeGreaterThan(pictures[0].bottom);
    const heights = [...three.matchAll(/font-size="([\d.]+)"/g)].map(([, size]) => Number(size));
    // On 480 pixels at least 9 high.
    expect(Math.min(...heights) * (480 / 640)).toBeGreaterThanOrEqual(9);
    expect(wordsOf(three)).toContain("1e-7 6");
    expect([misplaced(three), badIds(three)]).toEqual([[], []]);
    expect(viewBox(await draw([{ title: "alone" }]))[0]).toBe(296 + 2 * 16);
  });

  it("say the one value where all are equal, in the colour of the largest", async () => {
    const svg = await draw([
      { title: "equal", values: [2, 2, 2, 2, 2, 2] },
      { title: "not", values: [1, 1, 1, 1, 1, 2] },
    ]);
    expect(wordsOf(svg)).toContain("all: 2");
    const colours = [...svg.matchAll(/class="heat"[^>]*fill="([^"]+)"/g)].map(([, fill]) => fill);
    expect(new Set(colours.slice(0, 6))).toEqual(new Set([colours[11]]));
    expect(colours[10]).not.toBe(colours[11]);
  });

  it("refuse values of another number of cells, cells that are not there, no panel, and rows that are too long", async () => {
    await expect(draw([{ title: "five", values: [1, 2, 3, 4, 5] }])).rejects.toThrow(
      'panel "five": values has 5 numbers, the grid 6 cells. Give one for each cell.',
    );
    for (const panel of [
      { title: "six", kept: [0, 6] },
      { title: "six", marks: [{ mark: "pillar" as const, cells: [6], text: "" }] },
    ])
      await expect(draw([panel])).rejects.toThrow('panel "six": the grid has no cell 6, only 0 to 5.');
    await expect(draw([])).rejects.toThrow("panels: is empty");
    await expect(draw([{ title: "a" }], 5)).rejects.toThrow("columns: is 5. Give 1, 2, 3 or 4.");
  });
});
