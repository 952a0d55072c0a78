import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { dot } from "../../src/core/dot.ts";
import { unitVectors } from "../../src/methods/patches.ts";
import { coveringPatches, scope } from "../../src/methods/scope.ts";
import { chosen } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

/** Cosines of some vectors, row-major. */
function cosinesOf(vectors: readonly (readonly number[])[]): Float32Array {
  const units = unitVectors(Float32Array.from(vectors.flat()), vectors.length);
  return Float32Array.from(units.flatMap((a) => units.map((b) => dot(a, b))));
}

/** The rule as it is published: every score anew for each choice, of equal ones the lower index. */
function released(cosines: Float32Array, saliency: Float32Array, count: number): number[] {
  const all = [...saliency.keys()];
  const covered = all.map(() => 0);
  const chosen: number[] = [];
  while (chosen.length < count) {
    const scores = all.map((j) =>
      chosen.includes(j)
        ? -1
        : saliency[j] * all.reduce((sum, i) => sum + Math.max(0, cosines[j * all.length + i] - covered[i]), 0),
    );
    const next = scores.indexOf(Math.max(...scores));
    chosen.push(next);
    for (const i of all) covered[i] = Math.max(covered[i], cosines[next * all.length + i]);
  }
  return chosen;
}

const vector = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 3, maxLength: 3 });
/** Patches no two of which look alike, of different saliencies. */
const patches = fc
  .uniqueArray(vector, {
    minLength: 1,
    maxLength: 12,
    selector: (v) => v.map((x) => (x / (Math.hypot(...v) || 1)).toFixed(6)).join(),
  })
  .chain((vectors) =>
    fc.record({
      vectors: fc.constant(vectors.filter((v) => v.some((x) => x !== 0))),
      saliency: fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 12, maxLength: 12 }),
    }),
  )
  .filter(({ vectors }) => vectors.length > 0);

const LINE = [
  [1, 0],
  [1, 0],
  [0, 1],
];

describe("SCOPE", () => {
  it("weighs what a patch covers with its saliency, and does not count what is covered", () => {
    // Patches 0 and 1 cover two each, patch 2 one. When one of the two is chosen the other adds nothing.
    expect(coveringPatches(cosinesOf(LINE), Float32Array.of(1, 2, 3), 3)).toEqual([1, 2, 0]);
    expect(coveringPatches(cosinesOf(LINE), Float32Array.of(1, 2, 5), 3)).toEqual([2, 1, 0]);
  });

  it("forgets saliency where α is 0, weighs it more where α is larger, and may add it", () => {
    const cosines = cosinesOf(LINE);
    const saliency = Float32Array.of(1, 2, 3);
    expect(coveringPatches(cosines, saliency, 3, { alpha: 0 })).toEqual([1, 2, 0]);
    expect(coveringPatches(cosines, saliency, 3, { alpha: 2 })).toEqual([2, 1, 0]);
    // 2 + 1, 2 + 2 and 1 + 3.5; then 0 + 1.
    expect(coveringPatches(cosines, Float32Array.of(1, 2, 3.5), 3, { combined: "sum" })).toEqual([2, 1, 0]);
    expect(coveringPatches(cosines, Float32Array.of(1, 2, 3.5), 3)).toEqual([1, 2, 0]);
  });

  it("chooses what scoring every patch anew chooses, in the same order", () => {
    fc.assert(
      fc.property(patches, ({ vectors, saliency }) => {
        const cosines = cosinesOf(vectors);
        const own = Float32Array.from(saliency.slice(0, vectors.length));
        expect(coveringPatches(cosines, own, vectors.length)).toEqual(released(cosines, own, vectors.length));
      }),
      { seed: 16 },
    );
  });

  const alike = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 2, maxLength: 20 });
  const keepsTheSalient = (choose: typeof released) =>
    fc.property(alike, fc.nat(), (saliency, drawn) => {
      const count = 1 + (drawn % saliency.length);
      const cosines = new Float32Array(saliency.length ** 2).fill(1);
      const wanted = saliency.map((_, p) => p).sort((a, b) => saliency[b] - saliency[a]);
      expect(choose(cosines, Float32Array.from(saliency), count)).toEqual(wanted.slice(0, count));
    });

  it("keeps the most salient of patches that are all the same, where the published rule keeps the first", () => {
    fc.assert(keepsTheSalient(coveringPatches), { seed: 16 });
    expect(fc.check(keepsTheSalient(released), { seed: 16 }).failed).toBe(true);
  });

  const rescues = (choose: typeof released) =>
    fc.property(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 2, max: 8 }), fc.nat(), (twins, count, drawn) => {
      // Twins that attention is paid to, and among them one patch that is unlike them, to which none is paid.
      const place = drawn % (twins + 1);
      const all = Array.from({ length: twins + 1 }, (_, p) => p === place);
      const cosines = Float32Array.from(all.flatMap((a) => all.map((b) => (a === b ? 1 : 0))));
      const saliency = Float32Array.from(all, (lonely) => (lonely ? 0 : 1));
      expect(choose(cosines, saliency, Math.min(count, twins + 1))).toContain(place);
    });

  it("takes a patch of attention 0 before those that add nothing, where the published rule takes the first", () => {
    fc.assert(rescues(coveringPatches), { seed: 16 });
    expect(fc.check(rescues(released), { seed: 16 }).failed).toBe(true);
  });

  it("does not care where patches stand: reordered with their features, the same are kept", () => {
    fc.assert(
      fc.property(patches, fc.nat(), ({ vectors, saliency }, drawn) => {
        const count = 1 + (drawn % vectors.length);
        const own = saliency.slice(0, vectors.length);
        const kept = coveringPatches(cosinesOf(vectors), Float32Array.from(own), count);
        const turned = coveringPatches(cosinesOf([...vectors].reverse()), Float32Array.from([...own].reverse()), count);
        expect(turned.map((p) => vectors.length - 1 - p)).toEqual(kept);
      }),
      { seed: 16 },
    );
  });

  it("compares features before the projector, and gives raster order", () => {
    const features = [
      [1, 0],
      [1, 0],
      [0, 1],
      [0, 1],
    ];
    const shown = { rows: 2, columns: 2, features, clsAttention: [1, 2, 4, 3] };
    const project = () => {
      throw new Error("the projector is not asked");
    };
    expect(chosen(scope({ keep: 2 }), { ...shown, project }).cells).toEqual([1, 2]);
    expect(chosen(scope({ keep: 3 }), { ...shown, project }).cells).toEqual([1, 2, 3]);
  });

  it("refuses scores that are not numbers", () => {
    expect(() => coveringPatches(Float32Array.of(1), Float32Array.of(Number.NaN), 1)).toThrow(/SCOPE's saliency/);
    expect(() => coveringPatches(Float32Array.of(Number.NaN), Float32Array.of(1), 1)).toThrow(/SCOPE's cosines/);
  });
});
