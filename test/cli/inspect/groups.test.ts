import { describe, expect, it } from "vitest";
import type { MeasuredPass } from "../../../src/analysis/measure.ts";
import { namedGroups } from "../../../src/cli/inspect/groups.ts";
import type { Slot } from "../../../src/core/slots.ts";
import type { SampleLedger, VisualToken } from "../../../src/methods/ledger.ts";

const text = (id: number): Slot => ({ kind: "text", id, position: [0] });
const visual = (row: number, cell: number): Slot => ({ kind: "visual", image: 0, row, cell, position: [0] });

describe("the rows of a patching map", () => {
  it("are the rows of each grid as far as the pass holds them, each word behind the image, and the last token", () => {
    const grids = [
      { rows: 2, columns: 3 },
      { rows: 1, columns: 2 },
    ];
    // Cell 2 is gone; 6 and 7 are the second grid's.
    const cells = [0, 1, 3, 5, 6, 7];
    const slots = [text(1), ...cells.map((cell, row) => visual(row, cell)), text(5), text(6), text(7)];
    const ledger: Pick<SampleLedger, "images" | "tokens"> = {
      images: [{ grids, extraTokens: 0 }],
      tokens: cells.map((cell) => ({ image: 0, cell }) as VisualToken),
    };
    const pass = { ledger, slots: [slots] } as unknown as MeasuredPass;
    const { names, positions } = namedGroups(pass, (id) => `word ${id}`, ["base", "tiles"]);
    expect(names.map((name, i) => [name, positions[i]])).toEqual([
      ["all visual tokens", "visual"],
      ["before the image", "system"],
      ["base, row 0", [1, 2]],
      ["base, row 1", [3, 4]],
      ["tiles, row 0", [5, 6]],
      ["word 5", [7]],
      ["word 6", [8]],
      ["word 7 (last)", [9]],
    ]);
  });
});
