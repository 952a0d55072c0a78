import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { type Benchmark, ONE_LETTER, ONE_WORD } from "../../src/eval/tasks/benchmark.ts";
import { gqa } from "../../src/eval/tasks/benchmarks/gqa.ts";
import { mmbench } from "../../src/eval/tasks/benchmarks/mmbench.ts";
import { mme } from "../../src/eval/tasks/benchmarks/mme.ts";
import { pope } from "../../src/eval/tasks/benchmarks/pope.ts";
import { refcoco } from "../../src/eval/tasks/benchmarks/refcoco.ts";
import { scienceqa } from "../../src/eval/tasks/benchmarks/scienceqa.ts";
import { textvqa } from "../../src/eval/tasks/benchmarks/textvqa.ts";
import { python2Pickle, reference, writeFiles } from "../eval/tasks/benchmarks/samples.ts";
import { withDamage, withOtherFields } from "./damage.ts";
import type { Case, Target } from "./target.ts";

/** What is asked, and what is right. */
type Asked = readonly [id: string, question: string, expected: string];

const text = fc.string({ unit: "binary", maxLength: 10 });
const some = fc.string({ unit: "binary", minLength: 1, maxLength: 10 });
/** Letters and digits, which no rule of a benchmark changes. */
const plain = fc.string({ unit: fc.constantFrom(..."abc123"), minLength: 1, maxLength: 8 });

/** Files that must be there, too. */
type Beside = Readonly<Record<string, unknown>>;

/** A benchmark's own file, with files beside it, and what it asks. */
function target(
  benchmark: Benchmark,
  [file, beside]: readonly [name: string, beside?: Beside],
  whole: fc.Arbitrary<Case>,
  others = whole,
): Target {
  return {
    name: `dataset-${benchmark.name}`,
    cases: 60,
    inputs: fc.oneof(withDamage(whole, ["{", "[", '""', "null", "\t", '":"']), others),
    read(path) {
      const folder = `${path}-folder`;
      const own = join(folder, file);
      mkdirSync(dirname(own), { recursive: true });
      copyFileSync(path, own);
      writeFiles(folder, beside ?? {});
      return benchmark.read(folder).map(({ id, question, expected }): Asked => [id, question, expected]);
    },
  };
}
const asJson = (json: unknown) => Buffer.from(JSON.stringify(json) ?? "");
const changed = (json: fc.Arbitrary<unknown>) => withOtherFields(json).map((value): Case => ({ bytes: asJson(value) }));

const gqaFile = fc.dictionary(
  // Keys that look like numbers come first in an object, whatever their place in the file.
  fc.string({ unit: fc.constantFrom(..."abc_"), minLength: 1, maxLength: 6 }),
  fc.record({ question: some, answer: text, imageId: text }, { noNullPrototype: true }),
  { maxKeys: 4, noNullPrototype: true },
);
const textvqaFile = fc.record({
  data: fc.array(
    fc.record({
      question_id: fc.integer(),
      question: plain,
      image_id: text,
      answers: fc.array(text, { minLength: 2, maxLength: 4 }),
    }),
    { maxLength: 3 },
  ),
});
const popeLine = fc.record({
  question_id: fc.integer(),
  image: text,
  text: plain,
  label: fc.constantFrom("yes", "no", " No\n"),
});
const letter = fc.constantFrom("A", "B");
const mmbenchRow = fc.record({ index: fc.nat(999_999), question: plain, A: plain, B: plain, answer: letter });
const side = fc.integer({ min: 1, max: 4000 });
const pixel = fc.integer({ min: 0, max: 4000 });
const [ANNOTATION, IMAGE] = [11, 21];
const instances = fc.record({
  images: fc.tuple(
    fc.record({ id: fc.constant(IMAGE), file_name: text, width: side, height: side }),
    fc.record({ id: fc.constant(IMAGE + 1), file_name: text, width: side, height: side }),
  ),
  annotations: fc.tuple(fc.record({ id: fc.constant(ANNOTATION), bbox: fc.tuple(pixel, pixel, pixel, pixel) })),
});
const REFERENCES = [
  reference(1, ANNOTATION, IMAGE, "testA", ["left man", "man"]),
  reference(2, ANNOTATION + 1, IMAGE + 1, "train", ["never asked"]),
];
const INSTRUCTION =
  "Bounding box coordinates are specified in the format (top-left x, top-left y, bottom-right x, bottom-right y). " +
  "All values are floating point numbers bounded between 0 and 1. " +
  "Please provide the bounding box coordinate of the region this sentence describes: ";

const problem = fc.record({
  question: some,
  choices: fc.tuple(text, text),
  answer: fc.nat(1),
  hint: text,
  image: fc.constantFrom(null, "image.png"),
});
const problems = fc.record({ "7": problem, "8": problem });

const pair = fc.tuple(...[0, 1].map(() => fc.tuple(plain, fc.constantFrom("Yes", "No", " no.", "YES\r"))));

/** Data files of the benchmarks. */
export const datasets: readonly Target[] = [
  target(
    gqa,
    ["testdev_balanced_questions.json"],
    gqaFile.map((json) => ({
      bytes: asJson(json),
      wanted: Object.entries(json).map(([id, { question, answer }]): Asked => [id, `${question}${ONE_WORD}`, answer]),
    })),
    changed(gqaFile),
  ),
  target(
    textvqa,
    ["TextVQA_0.5.1_val.json"],
    textvqaFile.map((json) => ({
      bytes: asJson(json),
      wanted: json.data.map(({ question_id: id, question: [first, ...rest], answers }): Asked => {
        return [String(id), `${first.toUpperCase()}${rest.join("")}${ONE_WORD}`, JSON.stringify(answers)];
      }),
    })),
    changed(textvqaFile),
  ),
  target(
    pope,
    ["coco_pope_random.json", { "coco_pope_popular.json": "", "coco_pope_adversarial.json": "" }],
    fc.array(popeLine, { maxLength: 3 }).map((lines) => ({
      bytes: Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join("\n")),
      wanted: lines.map(({ question_id: id, text: question, label }): Asked => {
        return [`random/${id}`, `${question}${ONE_WORD}`, label.trim().toLowerCase()];
      }),
    })),
    changed(popeLine),
  ),
  target(
    mmbench,
    ["MMBench_DEV_EN.tsv"],
    fc.uniqueArray(mmbenchRow, { selector: ({ index }) => index, maxLength: 3 }).map((rows) => ({
      bytes: Buffer.from(
        ["index\tquestion\tA\tB\tanswer\timage", ...rows.map((row) => [...Object.values(row), "AA=="].join("\t"))].join(
          "\n",
        ),
      ),
      wanted: rows.map(({ index, question, A, B, answer }): Asked => {
        return [String(index), `${question} There are several options:\nA. ${A}\nB. ${B}\n${ONE_LETTER}`, answer];
      }),
    })),
  ),
  target(
    refcoco,
    ["instances.json", { "refs(unc).p": python2Pickle(REFERENCES) }],
    instances.map((json) => {
      const [{ width, height }] = json.images;
      const [x, y, w, h] = json.annotations[0].bbox;
      const box = `[${[x / width, y / height, (x + w) / width, (y + h) / height].join(",")}]`;
      const asked = (number: number, said: string): Asked => [`1/${number}`, `${INSTRUCTION}${said}`, box];
      return { bytes: asJson(json), wanted: [asked(10, "left man"), asked(11, "man")] };
    }),
    changed(instances),
  ),
  target(
    scienceqa,
    ["problems.json", { "pid_splits.json": { test: ["8", "7"] } }],
    problems.map((json) => ({
      bytes: asJson(json),
      wanted: [["8", json["8"]] as const, ["7", json["7"]] as const].flatMap(([id, one]): Asked[] => {
        const options = `A. ${one.choices[0]}\nB. ${one.choices[1]}${ONE_LETTER}`;
        const hint = one.hint === "" ? "" : `Context: ${one.hint}\n`;
        return one.image ? [[id, `${hint}${one.question}\n${options}`, "AB"[one.answer]]] : [];
      }),
    })),
    changed(problems),
  ),
  target(
    mme,
    [join("existence", "1.txt"), { "existence/1.jpg": "" }],
    pair.map((lines) => ({
      bytes: Buffer.from(lines.map(([said, right]) => `${said}? Please answer yes or no.\t${right}\n`).join("\n")),
      wanted: lines.map(([said, right], i): Asked => {
        return [`existence/1/${i}`, `${said}?${ONE_WORD}`, right.toLowerCase().includes("yes") ? "yes" : "no"];
      }),
    })),
  ),
];
