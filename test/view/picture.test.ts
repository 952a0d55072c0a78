import sharp from "sharp";
import { expect, it } from "vitest";
import type { Grid } from "../../src/core/grid.ts";
import type { SampleLedger } from "../../src/methods/ledger.ts";
import type { GridPicture } from "../../src/model/preprocessing.ts";
import { drawRun, renderPng } from "../../src/view/picture.ts";

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
