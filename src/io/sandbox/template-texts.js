/*
 * Texts as Python handles them: their entries are characters (code points), and white space and lines are its own.
 */

/** White space of Python, which is not that of JavaScript: for a class of a regular expression. */
export const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const BLANK = new RegExp(`[${SPACE}]`);
const LINE_ENDS = "\\n-\\r\\x1c-\\x1e\\x85\\u2028\\u2029";
const LINE_END = new RegExp(`\\r\\n|[${LINE_ENDS}]`);

/** @param {string} text @param {"start" | "end" | "both"} side @param {string} [characters] else white space */
export function stripped(text, side, characters) {
  const all = Array.from(text);
  const set = characters === undefined ? undefined : new Set(characters);
  const goes = (/** @type {string} */ one) => (set ? set.has(one) : BLANK.test(one));
  let [from, to] = [0, all.length];
  if (side !== "end") while (from < to && goes(all[from])) from++;
  if (side !== "start") while (to > from && goes(all[to - 1])) to--;
  return all.slice(from, to).join("");
}

/** @param {string} text @param {string | undefined} separator else runs of white space @param {number} most cuts; all if below 0 */
export function split(text, separator, most) {
  if (separator === "") throw new Error("splits a text at an empty one");
  const limit = most < 0 ? Number.POSITIVE_INFINITY : most;
  /** @type {string[]} */
  const parts = [];
  if (separator !== undefined) {
    let at = 0;
    for (let to = text.indexOf(separator); to >= 0 && parts.length < limit; to = text.indexOf(separator, at)) {
      parts.push(text.slice(at, to));
      at = to + separator.length;
    }
    return [...parts, text.slice(at)];
  }
  let word = "";
  const all = Array.from(text);
  for (const [i, character] of all.entries()) {
    const blank = BLANK.test(character);
    if (!blank && word === "" && parts.length >= limit) return [...parts, all.slice(i).join("")];
    if (!blank) word += character;
    else if (word !== "") parts.push(word);
    if (blank) word = "";
  }
  return word === "" ? parts : [...parts, word];
}

/** @param {string} text @param {string} old @param {string} made @param {number} most replacements; all if below 0 */
export function replaced(text, old, made, most) {
  if (most < 0) return (old === "" ? ["", ...text, ""] : text.split(old)).join(made);
  if (old !== "") return split(text, old, most).join(made);
  const all = Array.from(text);
  const cuts = Math.min(most, all.length + 1);
  return (
    all.map((character, i) => (i < cuts ? made + character : character)).join("") + (cuts > all.length ? made : "")
  );
}

/** The lines of a text without their ends. @param {string} text */
export function linesOf(text) {
  const lines = text.split(LINE_END);
  return lines[lines.length - 1] === "" ? lines.slice(0, -1) : lines;
}

/** A text with its first character as a title has it, and the others small. @param {string} text */
export function capitalized(text) {
  const [first = "", ...others] = Array.from(text);
  const large = first.toUpperCase();
  // As a title has them, these differ from what they are in capitals.
  if (Array.from(large).length > 1 || /[\u01c4-\u01cc\u01f1-\u01f3\u10d0-\u10ff\u1f80-\u1fff]/.test(first))
    throw new Error(`writes ${JSON.stringify(first)} as a capital, which is not supported`);
  // The text is made small as a whole: a letter may depend on what stands before it.
  const small = Array.from(text.toLowerCase());
  return large + (small.length === others.length + 1 ? small.slice(1).join("") : others.join("").toLowerCase());
}

/** Python's str.title. @param {string} text */
export function titled(text) {
  return text.replace(/[\p{L}\p{M}\p{Lowercase}\p{Uppercase}]+/gu, (word) => {
    if (!/^[A-Za-z]+$/.test(word)) throw new Error("makes titles of letters beyond A to Z, which is not supported");
    return capitalized(word);
  });
}

/** As Python writes a float. @param {number} value */
export function floatText(value) {
  if (!Number.isFinite(value)) throw new Error("makes a number that is infinite or none");
  if (Object.is(value, -0)) return "-0.0";
  const [digits, power] = value.toExponential().split("e");
  const exponent = Number(power);
  if (value === 0 || (exponent >= -4 && exponent < 16)) {
    // JavaScript goes over to exponents for smaller numbers below 1 than Python, and for larger ones above it.
    const written = String(value);
    return /\./.test(written) ? written : `${written}.0`;
  }
  return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** Python's repr of a text. @param {string} text */
export function quoted(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  /** @type {Readonly<Record<string, string>>} */
  const escapes = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", [quote]: `\\${quote}` };
  const inner = Array.from(text, (character) => {
    if (escapes[character]) return escapes[character];
    if (character === " " || !/[\p{C}\p{Z}]/u.test(character)) return character;
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    if (hex.length <= 2) return `\\x${hex.padStart(2, "0")}`;
    return hex.length <= 4 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
  return quote + inner.join("") + quote;
}

/** The order of Python, by code points. @param {string} a @param {string} b */
export function textOrder(a, b) {
  const [x, y] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const difference = (x[i].codePointAt(0) ?? 0) - (y[i].codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return x.length - y.length;
}
