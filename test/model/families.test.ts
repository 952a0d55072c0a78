import { describe, expect, it } from "vitest";
import { FAMILIES, familyNamed, familyOf } from "../../src/model/families.ts";
import { cellCount, firstCells, rasterShape, unprunedTokens } from "../../src/model/image-shape.ts";

describe("families", () => {
  it("are found by model_type, and original LLaVA by its projector", () => {
    for (const { name } of FAMILIES) expect(familyNamed(name).name).toBe(name);
    expect(familyOf("config.json", { model_type: "llava_llama", mm_projector_type: "mlp2x_gelu" }).name).toBe("llava");
    expect(familyOf("config.json", {}).name).toBe("llava");
  });

  it("that are not supported are refused by name, with those that are", () => {
    expect(() => familyOf("some/config.json", { model_type: "idefics3" })).toThrow(
      `some/config.json: field "model_type": "idefics3" is not supported. Supported are: ${FAMILIES.map(({ name }) => name).join(", ")}.`,
    );
  });
});

describe("the shape of an image", () => {
  const two = {
    grids: [
      { rows: 2, columns: 3 },
      { rows: 1, columns: 4 },
    ],
    extraTokens: 1,
  }; // prettier-ignore

  it("counts the cells of its grids through, one grid after the other", () => {
    expect([cellCount(two), unprunedTokens(two), firstCells(two)]).toEqual([10, 11, [0, 6]]);
  });

  it("of a single grid has consecutive ids in raster order, behind the tokens without a cell", () => {
    const shape = rasterShape({ rows: 1, columns: 2 }, 1);
    expect(shape).toEqual({
      grids: [{ rows: 1, columns: 2 }],
      extraTokens: 1,
      offsets: [[0], [1], [2]],
      separators: [],
      length: 3,
      tiles: [1],
    });
  });
});
