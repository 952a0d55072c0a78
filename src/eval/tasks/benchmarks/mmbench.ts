import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { NuwaError } from "../../../core/errors.ts";
import { checkSchema } from "../../../core/schema.ts";
import { readTsv } from "../../../io/tsv.ts";
import { accuracy, type Figure, oneFamily } from "../../score/figures.ts";
import { groupBy } from "../../score/grouping.ts";
import { type Benchmark, firstOf, ONE_LETTER, SHORT_ANSWER } from "../benchmark.ts";
import type { Item } from "../item.ts";

/** As long as JavaScript's longest text. */
const MOST_BYTES = 2 ** 29 - 2 ** 10;

const LETTERS = ["A", "B", "C", "D"] as const;
/** Rows with the options rotated have the number of the question plus a multiple of this. */
const ROTATION = 1_000_000;

const rowSchema = z.object({
  index: z.string().regex(/^\d+$/, "is not a number"),
  question: z.string().min(1),
  hint: z.string().default(""),
  ...{ A: z.string(), B: z.string(), C: z.string().default(""), D: z.string().default("") },
  answer: z.enum(LETTERS, "is not A, B, C or D; take the file of the dev split, which has answers"),
  category: z.string().default(""),
  image: z.string().min(1),
});
type Row = z.infer<typeof rowSchema>;

/** A question counts when it is answered rightly in every rotation of its options that the file has. */
const circular: Figure = {
  metric: "circular accuracy",
  add(samples) {
    const questions = [...groupBy(samples, ({ scene }) => scene).values()];
    return [questions.filter((rows) => rows.every(({ correct }) => correct)).length, questions.length];
  },
  score: ([right, count]) => right / count,
};

/**
 * MMBench (Liu et al., arXiv 2307.06281): lettered options, the dev split, a table with the pictures in it.
 * Answers are matched by their letter; no other model is asked what an answer without one may mean.
 */
export const mmbench: Benchmark = {
  name: "mmbench",
  scoring: oneFamily([circular, accuracy], circular.metric),
  read(folder) {
    const path = firstOf(folder, ["mmbench_dev_en_20231003.tsv", "MMBench_DEV_EN.tsv", "mmbench_dev_20230712.tsv"]);
    const rows = readTsv(path, MOST_BYTES).map((row, i) => checkSchema(`${path}: record ${i + 1}`, row, rowSchema));
    const pictures = new Map(rows.map(({ index, image }) => [index, image]));
    return rows.map((row) => itemOf(path, row, pictures));
  },
};

function itemOf(path: string, row: Row, pictures: ReadonlyMap<string, string>): Item {
  const { index, question, hint, answer, category } = row;
  const options = LETTERS.filter((letter) => given(row[letter])).map((letter) => `${letter}. ${row[letter]}`);
  const before = given(hint) ? `${hint} ` : "";
  // A rotated row may name the row that has its picture.
  const image = pictures.get(row.image) ?? row.image;
  return {
    ...{ task: "mmbench", family: "all", style: category, split: "dev", scene: Number(index) % ROTATION, id: index },
    question: `${before}${question} There are several options:\n${options.join("\n")}\n${ONE_LETTER}`,
    ...{ expected: answer, longest: SHORT_ANSWER },
    async picture(folder) {
      const bytes = Buffer.from(image, "base64");
      if (bytes.length === 0) throw new NuwaError(`${path}: the picture of question ${index} is not base64.`);
      const file = join(folder, "mmbench.image");
      writeFileSync(file, bytes);
      return file;
    },
    mark: (said) => ({ correct: letterOf(said) === answer, iou: null, centre: null }),
  };
}

/** Empty cells come as nothing, or as pandas writes a missing one. */
function given(cell: string): boolean {
  return cell !== "" && cell !== "nan";
}

/** What may be around a letter, searched in this order, as lmms-eval does. */
const AROUND = "|  |. |, |: |) |). (|) (|). :| :|, :|. :|) :|)."
  .split(" ")
  .filter((form) => form !== "")
  .map((form) => form.split("|") as [before: string, after: string]);

/** The one letter among the words of an answer; none where there are several. */
export function letterOf(said: string): string | undefined {
  const words = said.trim().split(/\s+/);
  for (const [before, after] of AROUND) {
    const found = LETTERS.filter((letter) => words.includes(`${before}${letter}${after}`));
    // An "A" in a sentence is an article.
    const article = before + after === "" && words.includes("A") && words.length > 3;
    if (found.length === 1 && !article) return found[0];
  }
  return undefined;
}
