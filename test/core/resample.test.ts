import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Picture, resizeBicubic } from "../../src/core/resample.ts";

const side = fc.integer({ min: 1, max: 12 });
const picture: fc.Arbitrary<Picture> = fc.tuple(side, side).chain(([width, height]) => {
  const length = width * height * 3;
  return fc.uint8Array({ minLength: length, maxLength: length }).map((pixels) => ({ width, height, pixels }));
});
const size = fc.record({ width: side, height: side });
const whole = ({ width, height }: { width: number; height: number }) => ({ left: 0, top: 0, width, height });

/** The picture whose pixel (x, y) is the one that `from` names. */
function rearrange(source: Picture, from: (x: number, y: number) => [number, number]): Picture {
  const pixels = source.pixels.map((_, i) => {
    const [x, y] = from(Math.floor(i / 3) % source.width, Math.floor(i / 3 / source.width));
    return source.pixels[(y * source.width + x) * 3 + (i % 3)];
  });
  return { ...source, pixels };
}
const mirrored = (source: Picture) => rearrange(source, (x, y) => [source.width - 1 - x, y]);
const upsideDown = (source: Picture) => rearrange(source, (x, y) => [x, source.height - 1 - y]);

describe("resizeBicubic", () => {
  it("changes nothing when the size stays", () => {
    fc.assert(
      fc.property(picture, (source) => {
        expect(resizeBicubic(source, source, whole(source))).toEqual(source);
      }),
    );
  });

  it("keeps a single colour, whatever the sizes", () => {
    const colour = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(picture, size, colour, (source, scaled, rgb) => {
        const plain = { ...source, pixels: source.pixels.map((_, i) => rgb[i % 3]) };
        const { pixels } = resizeBicubic(plain, scaled, whole(scaled));
        expect(pixels.every((value, i) => value === rgb[i % 3])).toBe(true);
      }),
    );
  });

  it("commutes with mirroring, so it shifts nothing", () => {
    // Halves are rounded up, also by Pillow, which may make a difference of one level in each pass.
    fc.assert(
      fc.property(picture, size, (source, scaled) => {
        for (const flip of [mirrored, upsideDown]) {
          const one = resizeBicubic(flip(source), scaled, whole(scaled)).pixels;
          const other = flip(resizeBicubic(source, scaled, whole(scaled))).pixels;
          expect(one.every((value, i) => Math.abs(value - other[i]) <= 2)).toBe(true);
        }
      }),
    );
  });

  it("puts a ramp where it belongs when it doubles it", () => {
    const pixels = Uint8Array.from({ length: 16 * 3 }, (_, i) => 10 + 10 * Math.floor(i / 3));
    const { pixels: doubled } = resizeBicubic(
      { width: 16, height: 1, pixels },
      { width: 32, height: 1 },
      whole({ width: 32, height: 1 }),
    );
    // Output x lies at (x + ½)/2 − ½; away from the border a cubic gives a straight line exactly.
    for (let x = 4; x < 28; x++) expect(doubled[x * 3]).toBe(Math.round(10 + 10 * ((x + 0.5) / 2 - 0.5)));
  });

  it("averages all pixels of a large one into one", () => {
    const pixels = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (Math.floor(i / 3) % 2) * 200);
    const { pixels: one } = resizeBicubic(
      { width: 64, height: 64, pixels },
      { width: 1, height: 1 },
      whole({ width: 1, height: 1 }),
    );
    expect([...one]).toEqual([100, 100, 100]);
  });

  it("gives a part exactly as it would be cut out of the whole", () => {
    const cut = size.chain((scaled) =>
      fc.record({ left: fc.nat(scaled.width - 1), top: fc.nat(scaled.height - 1) }).chain(({ left, top }) =>
        fc
          .record({
            width: fc.integer({ min: 1, max: scaled.width - left }),
            height: fc.integer({ min: 1, max: scaled.height - top }),
          })
          .map((area) => ({ scaled, part: { left, top, ...area } })),
      ),
    );
    fc.assert(
      fc.property(picture, cut, (source, { scaled, part }) => {
        const { pixels } = resizeBicubic(source, scaled, whole(scaled));
        const rows = Array.from({ length: part.height }, (_, y) => {
          const start = ((part.top + y) * scaled.width + part.left) * 3;
          return [...pixels.subarray(start, start + part.width * 3)];
        });
        expect([...resizeBicubic(source, scaled, part).pixels]).toEqual(rows.flat());
      }),
    );
  });

  it("lays a picture on a ground as if that were made first", () => {
    const around = fc.record({ left: fc.nat(9), top: fc.nat(9), right: fc.nat(9), bottom: fc.nat(9) });
    const colour = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(picture, around, colour, size, (source, { left, top, right, bottom }, rgb, scaled) => {
        const canvas = { width: left + source.width + right, height: top + source.height + bottom };
        const made = new Uint8Array(canvas.width * canvas.height * 3).map((_, i) => rgb[i % 3]);
        for (let y = 0; y < source.height; y++) {
          const row = source.pixels.subarray(y * source.width * 3, (y + 1) * source.width * 3);
          made.set(row, ((top + y) * canvas.width + left) * 3);
        }
        const direct = resizeBicubic({ ...canvas, pixels: made }, scaled, whole(scaled));
        const ground = { canvas, left, top, colour: rgb };
        expect(resizeBicubic(source, scaled, whole(scaled), ground)).toEqual(direct);
      }),
    );
  });

  it("costs what the part needs", () => {
    const strip = { width: 1, height: 1e6, pixels: new Uint8Array(3e6).fill(7) };
    const part = { left: 0, top: 0, width: 336, height: 336 };
    const before = process.memoryUsage().arrayBuffers;
    const start = performance.now();
    const { pixels } = resizeBicubic(strip, { width: 336, height: 336e6 }, { ...part, top: 168e6 });
    expect(performance.now() - start).toBeLessThan(2000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6);
    expect(pixels.every((level) => level === 7)).toBe(true);
    const short = { width: 1, height: 1e4, pixels: strip.pixels.subarray(0, 3e4) };
    const ground = { canvas: { width: 1e4, height: 1e4 }, left: 5e3, top: 0, colour: [1, 2, 3] } as const;
    const square = { left: 0, top: 0, width: 2, height: 2 };
    expect([...resizeBicubic(short, square, square, ground).pixels]).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
  });
});
