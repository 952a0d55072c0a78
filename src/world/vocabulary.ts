import { COLOURS, SHAPES, SIZES } from "./attributes.ts";
import { COORDINATE_TOKENS } from "./coordinates.ts";
import { DIRECTIONS } from "./description.ts";
import { SHAPE_COUNTS } from "./scene.ts";
import * as templates from "./templates.ts";
import * as wording from "./wording.ts";

/** A coordinate, a word, a digit or a punctuation mark. */
const WORD = /\d\.\d\d|[a-z]+|\d|[^\sa-z\d]/g;

/**
 * A text as the words of {@link vocabulary}: lower case, punctuation apart, coordinates whole.
 * "Is it [0.12, …" → is, it, [, 0.12, ",", …
 */
export function splitWords(text: string): string[] {
  return text.toLowerCase().match(WORD) ?? [];
}

/**
 * Every word of every question and answer: words in alphabetical order, digits, punctuation, then the
 * 101 coordinate tokens in order, so that a coordinate's index is the first one's plus its value.
 */
export function vocabulary(): string[] {
  const texts = [
    ...strings(templates).map((template) => template.replace(/\{\w+\}/g, " ")),
    ...strings(wording),
    ...COLOURS,
    ...SHAPES,
    ...SIZES,
    ...DIRECTIONS,
    "the a yes no [ , ]",
    Array.from({ length: SHAPE_COUNTS.most + 1 }, (_, count) => count).join(" "),
  ];
  const words = [...new Set(texts.flatMap(splitWords))];
  const rank = (word: string): number => (/[a-z]/.test(word) ? 0 : /\d/.test(word) ? 1 : 2);
  words.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return [...words, ...COORDINATE_TOKENS];
}

/** All strings inside lists and objects, at any depth; functions hold none. */
function strings(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(strings) : [];
}
