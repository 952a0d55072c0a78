import { type Box, parseBox } from "../../core/boxes.ts";
import type { Size } from "../../core/resample.ts";
import type { Question } from "../../world/question.ts";

/** The tokens that a family's miniature reads and writes, and how it writes boxes. */
export interface Dialect {
  /** All tokens, index = id. */
  readonly words: readonly string[];
  /** Ids of a question or an answer. */
  of(text: string): number[];
  /** The answer to a question as it is to be written. */
  answerTo(question: Pick<Question, "answer" | "box">): string;
  /** Id of the least coordinate; those of the other coordinates follow. */
  readonly firstCoordinate: number;
  /** How many coordinates there are. */
  readonly coordinates: number;
  /** The picture's size in the unit in which boxes are written. */
  readonly boxUnit: Size;
  /** Ids of the tokens before the picture. */
  readonly beforePicture: readonly number[];
  /** Of the placeholder of the picture. */
  readonly picture: number;
  /** Of the tokens between the picture and a question. */
  readonly behindPicture: readonly number[];
  /** Of the tokens between a question and its answer. */
  readonly beforeAnswer: readonly number[];
  /** Of the token that ends an answer. */
  readonly end: number;
  /** Of the tokens that are no words, and are left out of a text. */
  readonly special: ReadonlySet<number>;
}

/** The ids of a question with its picture, as the chat template and the tokenizer give them. */
export function promptIds(dialect: Dialect, question: string): number[] {
  const { beforePicture, picture, behindPicture, beforeAnswer } = dialect;
  return [...beforePicture, picture, ...behindPicture, ...dialect.of(question), ...beforeAnswer];
}

/** Answer ids as text; special tokens left out. */
export function answerText({ words, special }: Pick<Dialect, "words" | "special">, ids: readonly number[]): string {
  return ids
    .filter((id) => !special.has(id))
    .map((id) => words[id])
    .join(" ");
}

/** The box of an answer as fractions of the picture; undefined when there is none. */
export function boxIn({ boxUnit }: Pick<Dialect, "boxUnit">, answer: string): Box | undefined {
  return parseBox(answer, [boxUnit]);
}

/** Looks words up. @param unknown the id of what is no word */
export function idsIn(words: readonly string[], split: (text: string) => string[], unknown: number): Dialect["of"] {
  const ids = new Map(words.map((word, id) => [word, id]));
  return (text) => split(text).map((word) => ids.get(word) ?? unknown);
}
