import sharp from "sharp";
import { describe, expect, it } from "vitest";
import type { Grid } from "../../src/core/grid.ts";
import type { SampleLedger, VisualToken } from "../../src/methods/ledger.ts";
import type { GridPicture } from "../../src/model/preprocessing.ts";
import { drawRun, renderPng } from "../../src/view/picture.ts";

/** A picture of one level of grey, by which it is found again. */
const grey = (width: number, height: number, level: number, gridName?: string): GridPicture => ({
  width,
  height,
  gridName,
  cellName: "patches",
  pixels: new Uint8Array(width * height * 3).fill(level),
});

/** A token that stays to the end of four layers, or is dropped earlier. */
const token = (image: number, cell: number, layers = 4): VisualToken => ({
  image,
  cell,
  position: [0],
  pillar: undefined,
  weights: undefined,
  firstLayer: 0,
  layers,
});

/** An image of one grid and one of two, each with a token without a cell beside those of its cells. */
const LEDGER: SampleLedger = {
  images: [
    { grids: [{ rows: 2, columns: 3 }], extraTokens: 1 },
    {
      grids: [
        { rows: 1, columns: 2 },
        { rows: 2, columns: 1 },
      ],
      extraTokens: 1,
    },
  ],
  total: 12,
  textTokens: 3,
  layers: 4,
  tokens: [token(0, -1, 2), token(0, 1), token(0, 5, 2), token(1, -1, 2), token(1, 0), token(1, 3)],
};
const PICTURES = [[grey(30, 20, 10)], [grey(20, 10, 20, "base image"), grey(10, 40, 30, "local tiles")]];
const BOX = [{ label: "nuwa", box: [0.5, 0.25, 1, 0.75] as const }];

/** For each panel its title and the corners of the cells that are darkened. */
function panelsOf(svg: string): { title: string; dark: string[] }[] {
  const panels = svg.split('<text y="14">').slice(1);
  return panels.map((panel) => ({
    title: panel.slice(0, panel.indexOf("</text>")),
    dark: [...(/<path d="([^"]*)"/.exec(panel)?.[1] ?? "").matchAll(/M([\d.]+) ([\d.]+)/g)].map(
      ([, x, y]) => `${x},${y}`,
    ),
  }));
}

describe("the picture of a run", () => {
  it("has a row for each grid of each image, with what the model saw in that grid", async () => {
    const svg = await drawRun(PICTURES, LEDGER);
    const seen = [...svg.matchAll(/<image id="([^"]+)" width="(\d+)" height="(\d+)"[^>]*base64,([^"]+)"/g)];
    const drawn = await Promise.all(
      seen.map(async ([, id, width, height, png]) => {
        const { data, info } = await sharp(Buffer.from(png, "base64")).raw().toBuffer({ resolveWithObject: true });
        return [id, Number(width), Number(height), info.width, info.height, data[0]];
      }),
    );
    // 336 wide, but for the last: it would be 1344 high, and a panel is 672 high at most.
    expect(drawn).toEqual([
      ["seen-0", 336, 224, 30, 20, 10],
      ["seen-1", 336, 168, 20, 10, 20],
      ["seen-2", 168, 672, 10, 40, 30],
    ]);
    expect([...svg.matchAll(/<use xlink:href="#seen-(\d)"/g)].map(([, row]) => row).join("")).toBe("000111222");
  });

  it("darkens the cells that did not go on, and counts those that did", async () => {
    expect(panelsOf(await drawRun(PICTURES, LEDGER))).toEqual([
      { title: "what the model sees: 6 patches", dark: [] },
      // Cells 0, 2, 3 and 4 of 2 × 3, each 112 × 112 pixels; the token without a cell is counted with the first grid.
      {
        title: "before the decoder: 3 kept",
        dark: ["0.00,0.00", "224.00,0.00", "0.00,112.00", "112.00,112.00"],
      },
      {
        title: "after the last cut: 1 kept",
        dark: ["0.00,0.00", "224.00,0.00", "0.00,112.00", "112.00,112.00", "224.00,112.00"],
      },
      { title: "what the model sees: 2 patches", dark: [] },
      { title: "before the decoder: 2 kept", dark: ["168.00,0.00"] },
      { title: "after the last cut: 1 kept", dark: ["168.00,0.00"] },
      { title: "what the model sees: 2 patches", dark: [] },
      // Cell 3 of the image is the second of this grid.
      { title: "before the decoder: 1 kept", dark: ["0.00,0.00"] },
      { title: "after the last cut: 1 kept", dark: ["0.00,0.00"] },
    ]);
  });

  it("lays cells where their patches are: pixels beyond the last patch are seen by none", async () => {
    const [[picture]] = PICTURES;
    // 28 × 16 of 30 × 20 pixels: cells of 336 · 28/30 / 3 by 224 · 16/20 / 2; boxes are fractions of all of it.
    const pictures = [[{ ...picture, inCells: { width: 28, height: 16 } }]];
    const svg = await drawRun(pictures, { ...LEDGER, images: LEDGER.images.slice(0, 1) }, BOX);
    expect(panelsOf(svg)[1].dark).toEqual(["0.00,0.00", "209.07,0.00", "0.00,89.60", "104.53,89.60"]);
    expect(svg).toContain('<rect x="168.0" y="56.0" width="168.0" height="112.0"');
  });

  it("has the boxes of answers about one image, and none where they could mean several", async () => {
    const one = await drawRun(PICTURES.slice(0, 1), { ...LEDGER, images: LEDGER.images.slice(0, 1) }, BOX);
    expect(one.match(/stroke-width="3"/g)).toHaveLength(1);
    expect(one).toContain('<rect x="168.0" y="56.0" width="168.0" height="112.0"');
    expect(panelsOf(one)[0].title).toBe("what the model sees: 6 patches");
    expect(await drawRun(PICTURES, LEDGER, BOX)).not.toContain('stroke-width="3"');
  });

  it("has the true box, dashed, where it is known and could not mean several images", async () => {
    const truth = { truth: [0.25, 0.5, 0.75, 1] } as const;
    const one = await drawRun(PICTURES.slice(0, 1), { ...LEDGER, images: LEDGER.images.slice(0, 1) }, BOX, truth);
    const dashed = one.match(/<rect[^>]*stroke-dasharray[^>]*>/g);
    expect(dashed).toHaveLength(1);
    expect(dashed?.[0]).toContain('x="84.0" y="112.0" width="168.0" height="112.0"');
    expect(await drawRun(PICTURES, LEDGER, BOX, truth)).not.toContain("stroke-dasharray");
  });
});

/** A white picture of a grid. */
function white(names: Pick<GridPicture, "gridName" | "cellName">): GridPicture {
  return { width: 60, height: 60, pixels: new Uint8Array(60 * 60 * 3).fill(255), ...names };
}

/** Of images of which nothing was kept. */
function emptied(images: readonly (readonly Grid[])[]): SampleLedger {
  return {
    images: images.map((grids) => ({ grids, extraTokens: 0 })),
    total: 49,
    textTokens: 1,
    layers: 2,
    tokens: [],
  };
}

const GRID = { rows: 7, columns: 7 };

/** The texts of a drawing, in order. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);
}

it("calls grids and cells what the family calls them, and numbers images where there are several", async () => {
  const tiled = [
    white({ gridName: "base image", cellName: "patches" }),
    white({ gridName: "local tiles", cellName: "patches" }),
  ];
  const merged = [white({ cellName: "cells of 2×2 patches" })];
  const grids = [GRID, { rows: 2, columns: 3 }];
  expect(textsOf(await drawRun([tiled], emptied([grids]))).slice(0, 6)).toEqual([
    "base image",
    "what the model sees: 49 patches",
    "before the decoder: 0 kept",
    "after the last cut: 0 kept",
    "local tiles",
    "what the model sees: 6 patches",
  ]);
  const several = textsOf(await drawRun([merged, tiled], emptied([[GRID], grids])));
  expect(several.filter((text) => text.startsWith("image"))).toEqual([
    "image 1",
    "image 2, base image",
    "image 2, local tiles",
  ]);
  expect(textsOf(await drawRun([merged], emptied([[GRID]])))[0]).toBe("what the model sees: 49 cells of 2×2 patches");
});

it("makes room for a heading above each row that has one", async () => {
  const topsOf = (svg: string) => [...svg.matchAll(/translate\((?:0|16),(\d+)\)/g)].map(([, top]) => Number(top));
  const rows = async (gridName?: string) => {
    const named = white({ gridName, cellName: "patches" });
    const svg = await drawRun([[named, named]], emptied([[GRID, GRID]]));
    return [...new Set(topsOf(svg))].filter((top) => top >= 300);
  };
  const [plain, headed] = [await rows(), await rows("base image")];
  // The second row lies one heading lower, the chart below it two.
  expect(headed.map((top, i) => top - plain[i])).toEqual([22, 44]);
});

it("darkens what is dropped without seams between the cells, whose edges lie between pixels", async () => {
  // 336 pixels by 7 are whole; by 9 they are not.
  const grid = { rows: 9, columns: 9 };
  const svg = await drawRun([[white({ cellName: "patches" })]], emptied([[grid]]));
  const inside = { left: 16 + 336 + 16 + 4, top: 16 + 22 + 4, width: 328, height: 328 };
  const { data } = await sharp(await renderPng(svg))
    .removeAlpha()
    .extract(inside)
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect(
    data.reduce((most, level) => Math.max(most, level)) - data.reduce((least, level) => Math.min(least, level)),
  ).toBe(0);
});
