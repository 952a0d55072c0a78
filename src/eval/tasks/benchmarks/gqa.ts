import { z } from "zod";
import { readJson } from "../../../io/files.ts";
import { accuracy, oneFamily } from "../../score/figures.ts";
import { type Benchmark, firstOf, ONE_WORD, pictureIn, SHORT_ANSWER } from "../benchmark.ts";

const MOST_BYTES = 2 ** 29;

const questionsSchema = z.record(
  z.string(),
  z.object({ question: z.string().min(1), answer: z.string(), imageId: z.string() }),
);

/** ASCII punctuation, as Python's string.punctuation has it. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;
const plain = (text: string) => text.trim().toLowerCase().replace(PUNCTUATION, "");

/**
 * GQA (Hudson and Manning, arXiv 1902.09506): compositional questions on scenes, `testdev_balanced_questions.json`;
 * exact match after lower-casing and without punctuation.
 */
export const gqa: Benchmark = {
  name: "gqa",
  scoring: oneFamily([accuracy], "accuracy"),
  read(folder) {
    const path = firstOf(folder, ["testdev_balanced_questions.json", "questions/testdev_balanced_questions.json"]);
    return Object.entries(readJson(path, questionsSchema, MOST_BYTES)).map(([id, { question, answer, imageId }]) => ({
      ...{ task: "gqa", family: "all", style: "", split: "testdev", scene: imageId, id },
      ...{ question: `${question}${ONE_WORD}`, expected: answer, longest: SHORT_ANSWER },
      picture: async () => pictureIn(folder, ["images"], `${imageId}.jpg`),
      mark: (said) => ({ correct: plain(said) === plain(answer), iou: null, centre: null }),
    }));
  },
};
