/** Checks for laws: each throws a plain error, so that any test runner shows it. */

/** Why a law is broken, in one line. */
export class LawBroken extends Error {
  override readonly name = "LawBroken";
}

/** @throws LawBroken with the message unless the condition is true */
export function holds(condition: boolean, message: string): void {
  if (!condition) throw new LawBroken(message);
}

/** Equal as nested lists and numbers, −0 and 0 being equal. @throws LawBroken showing both */
export function equal(actual: unknown, wanted: unknown): void {
  const [got, expected] = [shown(actual), shown(wanted)];
  holds(got === expected, `expected ${expected}, got ${got}`);
}

/** @throws LawBroken when `actual` exceeds `bound` */
export function atMost(actual: number, bound: number): void {
  holds(actual <= bound, `expected at most ${bound}, got ${actual}`);
}

/** @throws LawBroken when `actual` is below `bound` */
export function atLeast(actual: number, bound: number): void {
  holds(actual >= bound, `expected at least ${bound}, got ${actual}`);
}

/** ‖a − b‖ / ‖b‖; infinite when the lengths differ. */
export function relativeError(actual: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (actual.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let [difference, total] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    difference += (actual[i] - wanted[i]) ** 2;
    total += wanted[i] ** 2;
  }
  return Math.sqrt(difference / (total || 1));
}

/** @throws LawBroken unless the relative error is below a tolerance */
export function near(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  const error = relativeError(actual, wanted);
  holds(error < tolerance, `expected a relative error below ${tolerance}, got ${error}`);
}

/** JSON, which tells NaN and infinities apart from null. */
function shown(value: unknown): string {
  const text = JSON.stringify(value, (_, item) =>
    typeof item === "number" && !Number.isFinite(item) ? `${item}` : item,
  );
  return text ?? "undefined";
}
