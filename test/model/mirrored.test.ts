import { describe, expect, it } from "vitest";
import type { Picture } from "../../src/core/resample.ts";
import { familyNamed } from "../../src/model/families.ts";
import type { PixelValues } from "../../src/model/mirrored.ts";
import { CONFIGS, noise, PIXELS } from "../support-families.ts";

/** A picture with its left and right exchanged, pixel by pixel. */
function exchanged({ width, height, pixels }: Picture): Picture {
  const swapped = pixels.map((_, at) => {
    const [pixel, channel] = [Math.floor(at / 3), at % 3];
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    return pixels[3 * (y * width + width - 1 - x) + channel];
  });
  return { width, height, pixels: swapped };
}

/** Between neighbouring levels of eight bits, normalised: where a picture is scaled, sums run the other way. */
const ONE_LEVEL = 0.02;

describe.each([
  ["qwen2_5_vl", 40, 24],
  ["qwen2_5_vl", 16, 48],
  ["llava_next", 32, 16],
  ["llava_next", 32, 32],
  ["llava_next", 28, 32],
  ["llava_next", 16, 48],
] as const)("the mirrored pixels of %s, %i × %i", (name, width, height) => {
  it("are those of the mirrored picture", () => {
    const family = familyNamed(name);
    const config = family.parseConfig("tiny", CONFIGS[name]);
    const { prepare } = family.parsePreprocessing("tiny", PIXELS[name], config);
    const picture = noise(width, height);
    const [own, wanted] = [picture, exchanged(picture)].map(prepare);
    const farthest = (values: Float32Array) =>
      values.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted.pixelValues.values[i])), 0);
    expect(farthest(own.pixelValues.values as Float32Array)).toBeGreaterThan(0.5);
    expect(farthest(family.mirrored(config, own.pixelValues as PixelValues, own.size))).toBeLessThan(ONE_LEVEL);
  });
});
