import { join } from "node:path";
import { z } from "zod";
import { NuwaError } from "../../../core/errors.ts";
import { shown } from "../../../core/schema.ts";
import { accuracy, oneFamily } from "../../score/figures.ts";
import { type Benchmark, firstOf, ONE_LETTER, pictureFile, SHORT_ANSWER } from "../benchmark.ts";
import { readData } from "../data-file.ts";
import type { Item } from "../item.ts";
import { stripped } from "../python-text.ts";

const MOST_BYTES = 2 ** 28;

const problemsSchema = z.record(
  z.string(),
  z
    .object({
      question: z.string().min(1),
      choices: z.array(z.string()).min(2).max(26),
      answer: z.number().int().nonnegative(),
      hint: z.string(),
      image: z.string().nullish(),
    })
    .refine(({ answer, choices }) => answer < choices.length, "answer is not one of the choices"),
);
const splitsSchema = z.object({ test: z.array(z.string()) });

/** The letter of a choice. */
const letter = (index: number) => String.fromCharCode(65 + index);

/**
 * ScienceQA-IMG (Lu et al., arXiv 2209.09513): the questions of the test split that have a picture,
 * `problems.json` and `pid_splits.json`; pictures in `test/ID/`.
 */
export const scienceqa: Benchmark = {
  name: "scienceqa",
  scoring: oneFamily([accuracy], "accuracy"),
  read(folder) {
    const problemsPath = firstOf(folder, ["problems.json"]);
    const problems = readData(problemsPath, problemsSchema, MOST_BYTES);
    return readData(join(folder, "pid_splits.json"), splitsSchema, MOST_BYTES).test.flatMap((id): Item[] => {
      if (!Object.hasOwn(problems, id))
        throw new NuwaError(`${problemsPath}: lacks problem ${shown(id)}, which pid_splits.json names.`);
      const { question, choices, answer, hint, image } = problems[id];
      if (!image) return [];
      const context = hint ? `Context: ${hint}\n` : "";
      const options = choices.map((choice, i) => `${letter(i)}. ${choice}`).join("\n");
      return [
        {
          ...{ task: "scienceqa", family: "all", style: "", split: "test", scene: id, id },
          question: `${context}${question}\n${options}${ONE_LETTER}`,
          ...{ expected: letter(answer), longest: SHORT_ANSWER },
          ...pictureFile(folder, ["test", "images/test", "images"], `${id}/${image}`),
          mark: (said) => ({ correct: isLetter(said, letter(answer)), iou: null, centre: null }),
        },
      ];
    });
  },
};

/**
 * Whether an answer is the letter alone, in any case. lmms-eval means to take "A. red" too, but looks for a capital
 * after it has made all of them small.
 */
function isLetter(said: string, letter: string): boolean {
  return stripped(said).toLowerCase() === letter.toLowerCase();
}
