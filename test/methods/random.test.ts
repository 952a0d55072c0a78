import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { random } from "../../src/methods/random.ts";
import { chosen } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("random patches", () => {
  const draw = (seed: number, keep = 9) => chosen(random({ keep, seed }), { rows: 6, columns: 6 }).cells;

  it("are distinct, in raster order, as many as asked for, and the same for the same seed", () => {
    expect(draw(7)).toHaveLength(9);
    expect([...new Set(draw(7))].sort((a, b) => a - b)).toEqual(draw(7));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(8)).not.toEqual(draw(7));
    expect(draw(1, 36)).toEqual(Array.from({ length: 36 }, (_, i) => i));
  });

  it("keep their ids unless told otherwise", () => {
    expect(random({ keep: 1, seed: 1 }).positions).toBe("original");
    expect(random({ keep: 1, seed: 1, positions: "compressed" }).positions).toBe("compressed");
  });
});
