import { rolesOf, type Slot } from "../core/slots.ts";

/** Segments of a decoder's sequence, in their order in it. */
export const SEGMENTS = ["system", "visual", "text", "last"] as const;

/**
 * A segment: `system` is everything before the image; `visual` are the tokens of the image that a layer holds, with the
 * separators between its rows where a family has such; `text` is what follows the image except the last token; `last`
 * is that one. Rows that were dropped are in none.
 */
export type Segment = (typeof SEGMENTS)[number];

/** Which rows of a sequence belong to each segment. */
export function segmentRows(slots: readonly Slot[]): Readonly<Record<Segment, readonly number[]>> {
  const roles = rolesOf(slots);
  const rowsOf = (...wanted: readonly string[]) => roles.flatMap((role, row) => (wanted.includes(role) ? [row] : []));
  return {
    system: rowsOf("system"),
    visual: rowsOf("visual", "separator"),
    text: rowsOf("text"),
    last: rowsOf("last"),
  };
}
