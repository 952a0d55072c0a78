import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { NuwaError } from "../../../core/errors.ts";
import { checkSchema } from "../../../core/schema.ts";
import { readTsv } from "../../../io/tsv.ts";
import { accuracy, type Figure, oneFamily } from "../../score/figures.ts";
import { groupBy } from "../../score/grouping.ts";
import { type Benchmark, firstOf, LONG_ANSWER, ONE_LETTER } from "../benchmark.ts";
import type { Item } from "../item.ts";
import { strippedAtEnd } from "../python-text.ts";
import { LETTERS, letterOf, MISSING, WITH_TEXT } from "./mmbench-letter.ts";

/** As long as JavaScript's longest text. */
const MOST_BYTES = 2 ** 29 - 2 ** 10;

/** Rows with the options rotated have the number of the question plus a multiple of this. */
const ROTATION = 1_000_000;

const rowSchema = z.object({
  index: z.string().regex(/^\d+$/, "is not a number"),
  question: z.string().min(1),
  hint: z.string().default(""),
  ...{ A: z.string(), B: z.string(), C: z.string().default(""), D: z.string().default("") },
  E: z.string().default(""),
  answer: z.enum(LETTERS, "is not a letter from A to E; take the file of the dev split, which has answers"),
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
 * Answers are matched by their letter or the text of an option; an answer with neither is wrong, no other model is
 * asked what it may mean.
 */
export const mmbench: Benchmark = {
  name: "mmbench",
  scoring: oneFamily([circular, accuracy], circular.metric),
  read(folder) {
    const path = firstOf(folder, ["mmbench_dev_en_20231003.tsv", "MMBench_DEV_EN.tsv", "mmbench_dev_20230712.tsv"]);
    const rows = readTsv(path, MOST_BYTES).map((row, i) => checkSchema(`${path}: record ${i + 1}`, row, rowSchema));
    const pictures = new Map(rows.map(({ index, image }) => [index, image]));
    // lmms-eval counts the rows that are no rotations, and with each its rotations: one alone counts nowhere.
    const originals = new Set(rows.map(({ index }) => Number(index)));
    return rows
      .filter(({ index }) => originals.has(Number(index) % ROTATION))
      .map((row) => itemOf(path, row, pictures));
  },
};

function itemOf(path: string, row: Row, pictures: ReadonlyMap<string, string>): Item {
  const { index, question, hint, answer, category } = row;
  const options = LETTERS.filter((letter) => given(row[letter])).map((letter) => `${letter}. ${row[letter]}`);
  const listed = strippedAtEnd(["There are several options:", ...options].join("\n"), "\n");
  const before = given(hint) ? `${hint} ` : "";
  // A rotated row may name the row that has its picture.
  const image = pictures.get(row.image) ?? row.image;
  return {
    ...{ task: "mmbench", family: "all", style: category, split: "dev", scene: Number(index) % ROTATION, id: index },
    question: `${before}${question} ${listed}\n${ONE_LETTER}`,
    ...{ expected: answer, longest: LONG_ANSWER },
    accepted: [answer, ...WITH_TEXT.map((letter) => row[letter]).filter((text) => letterOf(text, row) === answer)],
    pictureName: () => `row ${index} of ${path}`,
    async picture(folder) {
      const bytes = Buffer.from(image, "base64");
      if (bytes.length === 0) throw new NuwaError(`${path}: the picture of question ${index} is not base64.`);
      const file = join(folder, "mmbench.image");
      writeFileSync(file, bytes);
      return file;
    },
    mark: (said) => ({ correct: letterOf(said, row) === answer, iou: null, centre: null }),
  };
}

/** Empty cells come as nothing, or as pandas writes a missing one. */
function given(cell: string): boolean {
  return cell !== "" && cell !== MISSING;
}
