import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Picture } from "../../src/core/resample.ts";
import { preprocess } from "../../src/io/image.ts";
import type { Preprocessing } from "../../src/model/preprocessing.ts";
import { fixture } from "./scratch.ts";

/** Hands over what was decoded, whatever its size. */
const asDecoded: Preprocessing = {
  summary: "as decoded",
  side: 1,
  canvasOf: (size) => size,
  prepare: (picture) => ({
    pictures: [{ ...picture, cellName: "pixels" }],
    pixelValues: { shape: [0], values: new Float32Array() },
    boxUnit: picture,
  }),
  boxUnitOf: (size) => size,
  boxInPicture: (box) => box,
};

async function decoded(path: string): Promise<Picture> {
  return (await preprocess(path, asDecoded)).pictures[0];
}

interface Levels {
  readonly width: number;
  readonly height: number;
  readonly rgb: string;
}
const expected = JSON.parse(readFileSync(fixture("modes", "expected.json"), "utf8")) as Record<string, Levels>;

describe("the levels of a file", () => {
  it.each(Object.keys(expected))("are those of transformers' processor for %s", async (name) => {
    const { width, height, rgb } = expected[name];
    const picture = await decoded(fixture("modes", name));
    expect([picture.width, picture.height]).toEqual([width, height]);
    expect(Buffer.from(picture.pixels).toString("base64")).toBe(rgb);
  });
});
