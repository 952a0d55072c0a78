import { z } from "zod";
import { meanOf, oneFamily } from "../../score/figures.ts";
import { type Benchmark, firstOf, LONG_ANSWER, ONE_WORD, pictureFile } from "../benchmark.ts";
import { readData } from "../data-file.ts";
import { capitalised } from "../python-text.ts";
import { normaliseAnswer } from "./evalai.ts";

const MOST_BYTES = 2 ** 28;

const fileSchema = z.object({
  data: z.array(
    z.object({
      question_id: z.number().int(),
      question: z.string().min(1),
      image_id: z.string(),
      answers: z.array(z.string()).min(2),
    }),
  ),
});

/**
 * TextVQA (Singh et al., arXiv 1904.08920): questions about text in pictures, `TextVQA_0.5.1_val.json`, ten
 * people's answers each; the model gets no OCR words.
 */
export const textvqa: Benchmark = {
  name: "textvqa",
  scoring: oneFamily([meanOf("accuracy", ({ marks }) => marks?.accuracy ?? 0)], "accuracy"),
  read(folder) {
    const { data } = readData(firstOf(folder, ["TextVQA_0.5.1_val.json"]), fileSchema, MOST_BYTES);
    return data.map(({ question_id, question, image_id, answers }) => ({
      ...{ task: "textvqa", family: "all", style: "", split: "val", scene: image_id, id: String(question_id) },
      // Everything after the first letter becomes lower case.
      question: `${capitalised(question)}${ONE_WORD}`,
      ...{ expected: JSON.stringify(answers), accepted: answers, longest: LONG_ANSWER },
      ...pictureFile(folder, ["train_images", "images"], `${image_id}.jpg`),
      mark(said) {
        const score = agreement(said, answers);
        return { correct: score === 1, iou: null, centre: null, marks: { accuracy: score } };
      },
    }));
  },
};

/** Mean over the people of min(1, how many of the others said the same / 3). */
export function agreement(said: string, answers: readonly string[]): number {
  const [mine, theirs] = [normaliseAnswer(said), answers.map(normaliseAnswer)];
  const same = theirs.filter((answer) => answer === mine).length;
  const scores = theirs.map((answer) => Math.min(1, (same - Number(answer === mine)) / 3));
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}
