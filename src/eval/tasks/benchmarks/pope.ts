import { z } from "zod";
import { readBytes } from "../../../io/files.ts";
import { jsonLines } from "../../../io/lines.ts";
import type { Sample } from "../../run/sample.ts";
import { accuracy, type Figure } from "../../score/figures.ts";
import { type Benchmark, firstOf, ONE_WORD, pictureIn, SHORT_ANSWER } from "../benchmark.ts";
import type { Item } from "../item.ts";

/** How the absent objects were chosen; one file each. */
const CATEGORIES = ["random", "popular", "adversarial"] as const;

const MOST_BYTES = 64 * 2 ** 20;
const TAKE = "Take the file as its authors distribute it.";

const lineSchema = z.object({
  question_id: z.union([z.number().int(), z.string()]),
  image: z.string(),
  text: z.string().min(1),
  label: z.enum(["yes", "no"]),
});

const plain = (text: string) => text.trim().toLowerCase();

/** Counts of true and false "yes", and of "no" where "yes" is right; other answers are in none, as in the harness. */
const counts = (samples: readonly Sample[]) => {
  const count = (expected: string, said: string) =>
    samples.filter((sample) => sample.expected === expected && plain(sample.answer) === said).length;
  return [count("yes", "yes"), count("no", "yes"), count("yes", "no")];
};
/** A share of nothing is 0, as in the harness. */
const share = (part: number, rest: number) => (part === 0 ? 0 : part / (part + rest));

const FIGURES: readonly Figure[] = [
  accuracy,
  { metric: "precision", add: counts, score: ([right, wrong]) => share(right, wrong) },
  { metric: "recall", add: counts, score: ([right, , missed]) => share(right, missed) },
  // 2PR/(P+R), written without P and R.
  { metric: "F1", add: counts, score: ([right, wrong, missed]) => share(2 * right, wrong + missed) },
];

/**
 * POPE (Li et al., arXiv 2305.10355): is a thing in the picture? `coco_pope_random.json`, `_popular` and
 * `_adversarial`, one JSON object a line; pictures of COCO val2014.
 */
export const pope: Benchmark = {
  name: "pope",
  scoring: {
    families: CATEGORIES,
    figures: FIGURES,
    pools: [{ family: "all", figures: FIGURES }],
    reported: { metric: "F1", family: "all" },
  },
  read: (folder) =>
    CATEGORIES.flatMap((category) => {
      const name = `coco_pope_${category}.json`;
      const path = firstOf(folder, [name, `coco/${name}`]);
      const lines = jsonLines(path, readBytes(path, MOST_BYTES), lineSchema, TAKE);
      return [...lines].map(([line]) => itemOf(folder, category, line));
    }),
};

function itemOf(folder: string, family: string, { question_id, image, text, label }: z.infer<typeof lineSchema>): Item {
  return {
    ...{ task: "pope", family, style: "", split: "test", scene: image, id: `${family}/${question_id}` },
    ...{ question: `${text.trim()}${ONE_WORD}`, expected: label, longest: SHORT_ANSWER },
    picture: async () => pictureIn(folder, ["val2014", "images", "../images/val2014"], image),
    mark: (said) => ({ correct: plain(said) === label, iou: null, centre: null }),
  };
}
