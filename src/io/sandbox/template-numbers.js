import { stripped } from "./template-texts.js";

/*
 * Numbers as Python reads and rounds them.
 */

const NUMBER = /^[+-]?(?:\d+(?:_\d+)*\.?|\.(?=\d))(?:\d+(?:_\d+)*)?(?:e[+-]?\d+(?:_\d+)*)?$/i;
/** How far JavaScript can write a number out. */
const MAX_DIGITS = 100;

/** @param {string} text @returns {number | undefined} undefined where Python takes it for no number */
export function numberText(text) {
  const written = stripped(text, "both");
  if (/\p{Nd}/u.test(written.replace(/[0-9]/g, "")))
    throw new Error("makes a number of digits beyond 0 to 9, which is not supported");
  if (/^[+-]?(?:inf(?:inity)?|nan)$/i.test(written)) throw new Error("makes a number that is infinite or none");
  return NUMBER.test(written) ? Number(written.replaceAll("_", "")) : undefined;
}

/** @param {number} value @param {number} digits @param {string} method of jinja2's round */
export function rounded(value, digits, method) {
  if (digits < 0 || digits > 15 || Math.abs(value) >= 1e15)
    throw new Error("rounds a number to too few or many digits");
  if (method === "ceil") return Math.ceil(value * 10 ** digits) / 10 ** digits;
  if (method === "floor") return Math.floor(value * 10 ** digits) / 10 ** digits;
  if (method !== "common") throw new Error(`rounds by ${JSON.stringify(method)}, which is not supported`);
  const exact = Math.abs(value).toFixed(MAX_DIGITS);
  const point = exact.indexOf(".");
  const [kept, cut] = [exact.slice(0, point + 1 + digits), exact.slice(point + 1 + digits)];
  // Half of the last digit goes to the even neighbour; JavaScript goes up.
  const even = Number(/\d(?=\.?$)/.exec(kept)) % 2 === 0;
  const down = /^50*$/.test(cut) && even;
  const size = Number(down ? kept : Math.abs(value).toFixed(digits));
  return value < 0 || Object.is(value, -0) ? -size : size;
}
