import { stripped, wordsOf } from "../python-text.ts";

/** The letters that an answer may name. The questions have four options at most; E is for none of them. */
export const LETTERS = ["A", "B", "C", "D", "E"] as const;
/** The letters of options whose texts are looked for in an answer. */
export const WITH_TEXT = ["A", "B", "C", "D"] as const;

/** What pandas, and with it lmms-eval's data set, writes for an empty cell. */
export const MISSING = "nan";

/**
 * Which option an answer means, as lmms-eval finds out before it would ask another model: its letter, else the option
 * whose text alone stands in the answer.
 *
 * @param options their texts by letter; empty where there is none
 * @returns undefined when the rules do not tell; lmms-eval then asks GPT-3.5
 */
export function letterOf(
  said: string,
  options: Readonly<Record<(typeof WITH_TEXT)[number], string>>,
): string | undefined {
  return letterIn(said) ?? textIn(said, options);
}

/** What may be around a letter, searched in this order. */
const AROUND = "|  |. |, |: |) |). (|) (|). :| :|, :|. :|) :|)."
  .split(" ")
  .filter((form) => form !== "")
  .map((form) => form.split("|") as [before: string, after: string]);

/** What lmms-eval writes in the place of an answer that it did not get; it has an A of its own. */
const NO_ANSWER = "Failed to obtain answer via API";

/** The one letter among the words of an answer; none where there are several. */
function letterIn(said: string): string | undefined {
  if (said.includes(NO_ANSWER)) return undefined;
  const words = wordsOf(said);
  for (const [before, after] of AROUND) {
    const found = LETTERS.filter((letter) => words.includes(`${before}${letter}${after}`));
    // An "A" in a sentence is an article.
    const article = before + after === "" && words.includes("A") && words.length > 3;
    if (found.length === 1 && !article) return found[0];
  }
  return undefined;
}

/**
 * The one option whose text is part of an answer, whatever the case. As in lmms-eval, an
 * option that a question lacks is compared as the text "nan": "banana" is taken for it, too.
 */
function textIn(said: string, options: Readonly<Record<(typeof WITH_TEXT)[number], string>>): string | undefined {
  const answer = stripped(said).toLowerCase();
  const found = WITH_TEXT.filter((letter) => answer.includes((options[letter] || MISSING).toLowerCase()));
  return found.length === 1 ? found[0] : undefined;
}
