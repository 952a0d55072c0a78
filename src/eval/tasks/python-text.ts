/**
 * Text as Python's str treats it. lmms-eval is written in Python, and JavaScript takes other characters for space
 * (the byte-order mark, but not U+001C to U+001F and U+0085), other ones for digits, and knows no title case; with
 * model output that holds them the marks would differ.
 *
 * @see https://docs.python.org/3/library/stdtypes.html#text-sequence-type-str
 */

/** One character of those that str.isspace takes, for regular expressions; what `\s` is in Python. */
export const SPACE = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;

/** One decimal digit of any script, for regular expressions with the flag `u`; what `\d` is in Python. */
export const DIGIT = String.raw`\p{Nd}`;

const IS_SPACE = new RegExp(SPACE);
const SPACES = new RegExp(`${SPACE}+`);
const IS_DIGIT = new RegExp(DIGIT, "u");

/** Without the spaces at both ends, as str.strip. */
export function stripped(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && IS_SPACE.test(text[start])) start++;
  while (end > start && IS_SPACE.test(text[end - 1])) end--;
  return text.slice(start, end);
}

/** Without one character at the end, as often as it stands there, as str.rstrip. */
export function strippedAtEnd(text: string, character: string): string {
  let end = text.length;
  while (text[end - 1] === character) end--;
  return text.slice(0, end);
}

/** The words between spaces, as str.split. */
export function wordsOf(text: string): string[] {
  return text.split(SPACES).filter((word) => word !== "");
}

/** The lines of a text file, whatever ends them, as open() reads them; a byte-order mark is left out. */
export function linesOf(text: string): string[] {
  return text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/);
}

/** The first characters, as text[:count]: code points, not UTF-16 units. */
export function firstCharacters(text: string, count: number): string {
  return [...text.slice(0, 2 * count)].slice(0, count).join("");
}

/** As str.capitalize: the first character in title case, all others in lower case. */
export function capitalised(text: string): string {
  const [first] = text;
  if (first === undefined) return "";
  // Lower case depends on what stands before (the final sigma), so that the whole text is turned.
  return titleCase(first) + text.toLowerCase().slice(first.toLowerCase().length);
}

/** Letters that are two in one (dž, lj, nj, dz): upper case, title case, lower case. */
const DIGRAPHS = ["ǄǅǆǄ", "ǇǈǉǇ", "ǊǋǌǊ", "ǱǲǳǱ"];

/** One character in title case: upper case, but for letters that are several in one and for Georgian. */
function titleCase(character: string): string {
  const digraph = DIGRAPHS.find((forms) => forms.includes(character));
  if (digraph !== undefined) return digraph[1];
  if (/^[\u10d0-\u10ff]$/.test(character)) return character;
  const upper = character.toUpperCase();
  const [first, ...others] = upper;
  // ʼN is one sound: both stay.
  if (others.length === 0 || first === "\u02bc") return upper;
  // An iota below a Greek letter stays below it, in one character where there is one.
  if (others.at(-1) === "\u0399" && /[\u1f80-\u1fff]/.test(character)) {
    const below = `${upper.slice(0, -1)}\u0345`;
    const one = below.normalize("NFC");
    return [...one].length === 1 ? one : below;
  }
  return first + others.join("").toLowerCase();
}

/** A decimal of digits of any script, as float: "٠.٥" is 0.5. */
export function decimal(text: string): number {
  return Number([...text].map((character) => (IS_DIGIT.test(character) ? digitValue(character) : character)).join(""));
}

/** Digits come in runs of ten, from 0 to 9, of which some touch. */
function digitValue(digit: string): string {
  const code = digit.codePointAt(0) as number;
  let start = code;
  while (IS_DIGIT.test(String.fromCodePoint(start - 1))) start--;
  return String((code - start) % 10);
}
