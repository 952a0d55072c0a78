import type { MeasuredPass } from "../../analysis/measure.ts";
import type { PatchedPositions } from "../../analysis/patching.ts";
import { patchCount } from "../../core/grid.ts";
import { rolesOf, type Slot } from "../../core/slots.ts";
import { gridLedgers } from "../../methods/ledger.ts";

/** Groups of positions, and what they are called. */
export interface NamedGroups {
  readonly names: readonly string[];
  readonly positions: PatchedPositions;
}

/** All visual tokens together: what a dump holds. */
export const VISUAL_ALONE: NamedGroups = { names: ["all visual tokens"], positions: ["visual"] };

/**
 * The positions of a map: all visual tokens, what stands before the image, the visual tokens of each row of each grid,
 * each token of the text, the last token.
 */
export function namedGroups(
  { ledger, slots }: MeasuredPass,
  wordOf: (id: number) => string,
  gridNames: readonly string[],
): NamedGroups {
  const [entered] = slots;
  const roles = rolesOf(entered);
  const groups: [string, PatchedPositions[number]][] = [
    [VISUAL_ALONE.names[0], "visual"],
    ["before the image", "system"],
  ];
  let start = 0;
  gridLedgers(ledger).forEach(({ grid }, g) => {
    const name = gridNames[g] ? `${gridNames[g]}, row` : "image, row";
    for (let row = 0; row < grid.rows; row++) {
      const [from, to] = [row, row + 1].map((line) => start + line * grid.columns);
      const rows = rowsWhere(entered, (slot) => slot?.kind === "visual" && slot.cell >= from && slot.cell < to);
      if (rows.length > 0) groups.push([`${name} ${row}`, rows]);
    }
    start += patchCount(grid);
  });
  entered.forEach((slot, row) => {
    if (slot?.kind !== "text" || (roles[row] !== "text" && roles[row] !== "last")) return;
    groups.push([roles[row] === "last" ? `${wordOf(slot.id)} (last)` : wordOf(slot.id), [row]]);
  });
  return { names: groups.map(([name]) => name), positions: groups.map(([, rows]) => rows) };
}

function rowsWhere(slots: readonly Slot[], holds: (slot: Slot) => boolean): number[] {
  return slots.flatMap((slot, row) => (holds(slot) ? [row] : []));
}
