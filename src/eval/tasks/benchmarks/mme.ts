import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { NuwaError } from "../../../core/errors.ts";
import type { Sample } from "../../run/sample.ts";
import { accuracy, type Figure } from "../../score/figures.ts";
import { groupBy } from "../../score/grouping.ts";
import { type Benchmark, ONE_WORD, SHORT_ANSWER } from "../benchmark.ts";
import { readPlainText } from "../data-file.ts";
import type { Item } from "../item.ts";
import { firstCharacters, linesOf, stripped } from "../python-text.ts";

const PERCEPTION = "existence count position color posters celebrity scene landmark artwork OCR".split(" ");
const COGNITION = "commonsense_reasoning numerical_calculation text_translation code_reasoning".split(" ");
const CATEGORIES = [...PERCEPTION, ...COGNITION];

const MOST_BYTES = 2 ** 16;

/** Points of the pair of questions about a picture: percent right, and 100 more if both are. */
function points(pair: readonly Sample[]): number {
  const right = pair.filter(({ correct }) => correct).length;
  return (100 * right) / pair.length + (right === 2 ? 100 : 0);
}

/** Points averaged over the pictures of each category, summed over categories; sums are points and pictures of each. */
const score: Figure = {
  metric: "score",
  add(samples) {
    const pictures = groupBy(samples, ({ scene }) => scene);
    return CATEGORIES.flatMap((category) => {
      const own = [...pictures.values()].filter(([first]) => first.family === category);
      return [own.reduce((sum, pair) => sum + points(pair), 0), own.length];
    });
  },
  score(sums) {
    const averages = CATEGORIES.map((_, i) => (sums[2 * i + 1] === 0 ? 0 : sums[2 * i] / sums[2 * i + 1]));
    return averages.reduce((sum, average) => sum + average, 0);
  },
};

/**
 * MME (Fu et al., arXiv 2306.13394): two yes-no questions a picture in 14 categories; a folder for each, in which
 * `NAME.txt` holds two lines "question, tab, Yes or No" for the picture NAME, beside it or, as in five of the
 * categories, in `questions_answers_YN/` and `images/`.
 */
export const mme: Benchmark = {
  name: "mme",
  scoring: {
    families: CATEGORIES,
    figures: [score, accuracy],
    pools: [
      { family: "perception", members: PERCEPTION, figures: [score] },
      { family: "cognition", members: COGNITION, figures: [score] },
      { family: "all", figures: [score, accuracy] },
    ],
    reported: { metric: "score", family: "all" },
  },
  read: (folder) =>
    CATEGORIES.filter((category) => existsSync(join(folder, category))).flatMap((category) => {
      const inside = join(folder, category);
      const apart = existsSync(join(inside, "questions_answers_YN"));
      const texts = apart ? join(inside, "questions_answers_YN") : inside;
      const pictures = picturesByName(apart ? join(inside, "images") : inside);
      return namesIn(texts)
        .filter((name) => TEXT.test(name))
        .sort()
        .flatMap((name) => pairOf(category, join(texts, name), pictures));
    }),
};

const TEXT = /\.txt$/i;
const PICTURE = /\.(jpe?g|png)$/i;

/** Hidden files are none of MME's: macOS puts a `._1.txt` beside each `1.txt` that it copies to other disks. */
function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith(".")) : [];
}

function picturesByName(folder: string): Map<string, string> {
  const names = namesIn(folder).filter((name) => PICTURE.test(name));
  return new Map(names.map((name) => [name.replace(/\.[^.]+$/, ""), join(folder, name)]));
}

function pairOf(category: string, path: string, pictures: ReadonlyMap<string, string>): Item[] {
  const name = basename(path).replace(TEXT, "");
  const picture = pictures.get(name);
  if (!picture) throw new NuwaError(`${path}: the picture ${name}.jpg or ${name}.png is missing.`);
  const lines = linesOf(readPlainText(path, MOST_BYTES)).filter((line) => stripped(line) !== "");
  if (lines.length !== 2) throw new NuwaError(`${path}: has ${lines.length} questions instead of 2.`);
  return lines.map((line, i): Item => {
    const [question, answer] = line.split("\t").map(stripped);
    const expected = answer?.toLowerCase().replaceAll(".", "");
    if (!question || (expected !== "yes" && expected !== "no"))
      throw new NuwaError(`${path}: line ${i + 1}: is not a question, a tab, and Yes or No.`);
    return {
      ...{ task: "mme", family: category, style: "", split: "test", scene: `${category}/${name}` },
      id: `${category}/${name}/${i}`,
      // lmms-eval replaces MME's words by its own.
      question: `${question.replaceAll(" Please answer yes or no.", "")}${ONE_WORD}`,
      ...{ expected, longest: SHORT_ANSWER },
      ...{ picture: async () => picture, pictureName: () => picture },
      mark: (said) => ({ correct: yesOrNo(said) === expected, iou: null, centre: null }),
    };
  });
}

/** What an answer says, as lmms-eval reads it: by its word, its letter, or its first four characters. */
export function yesOrNo(said: string): "yes" | "no" | undefined {
  const text = stripped(said.toLowerCase()).replaceAll(".", "");
  if (text.length === 1) return text === "y" ? "yes" : text === "n" ? "no" : undefined;
  const start = firstCharacters(text, 4);
  return start.includes("yes") ? "yes" : start.includes("no") ? "no" : undefined;
}
