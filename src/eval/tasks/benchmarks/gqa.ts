import { z } from "zod";
import { accuracy, oneFamily } from "../../score/figures.ts";
import { type Benchmark, firstOf, ONE_WORD, pictureFile, SHORT_ANSWER } from "../benchmark.ts";
import { readData } from "../data-file.ts";
import { firstCharacters, stripped, strippedAtEnd } from "../python-text.ts";

const MOST_BYTES = 2 ** 29;

const questionsSchema = z.record(
  z.string(),
  z.object({ question: z.string().min(1), answer: z.string(), imageId: z.string() }),
);

/** ASCII punctuation, as Python's string.punctuation has it. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;

/**
 * A text as lmms-eval's exact match compares it: lower case, no punctuation. It holds texts in arrays of numpy, which
 * are as wide as the text was: what lower case adds ("İ" becomes two characters) is cut off at the end, and zeros
 * at the end do not count.
 */
function comparable(text: string): string {
  const inArray = (value: string) => strippedAtEnd(value, "\0");
  const width = [...text].length;
  const lower = inArray(firstCharacters(inArray(text).toLowerCase(), width));
  return inArray(lower.replace(PUNCTUATION, ""));
}

/**
 * GQA (Hudson and Manning, arXiv 1902.09506): compositional questions on scenes, `testdev_balanced_questions.json`;
 * exact match in lower case and without punctuation.
 */
export const gqa: Benchmark = {
  name: "gqa",
  scoring: oneFamily([accuracy], "accuracy"),
  read(folder) {
    const path = firstOf(folder, ["testdev_balanced_questions.json", "questions/testdev_balanced_questions.json"]);
    return Object.entries(readData(path, questionsSchema, MOST_BYTES)).map(([id, { question, answer, imageId }]) => ({
      ...{ task: "gqa", family: "all", style: "", split: "testdev", scene: imageId, id },
      ...{ question: `${question}${ONE_WORD}`, expected: answer, longest: SHORT_ANSWER },
      ...pictureFile(folder, ["images"], `${imageId}.jpg`),
      mark: (said) => ({ correct: comparable(stripped(said)) === comparable(answer), iou: null, centre: null }),
    }));
  },
};
