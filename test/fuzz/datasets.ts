import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { type Benchmark, ONE_LETTER, ONE_WORD } from "../../src/eval/tasks/benchmark.ts";
import { gqa } from "../../src/eval/tasks/benchmarks/gqa.ts";
import { mmbench } from "../../src/eval/tasks/benchmarks/mmbench.ts";
import { pope } from "../../src/eval/tasks/benchmarks/pope.ts";
import { textvqa } from "../../src/eval/tasks/benchmarks/textvqa.ts";
import { withDamage, withOtherFields } from "./damage.ts";
import type { Case, Target } from "./target.ts";

/** What is asked, and what is right. */
type Asked = readonly [id: string, question: string, expected: string];

const text = fc.string({ unit: "binary", maxLength: 10 });
const some = fc.string({ unit: "binary", minLength: 1, maxLength: 10 });
/** Letters and digits, which no rule of a benchmark changes. */
const plain = fc.string({ unit: fc.constantFrom(..."abc123"), minLength: 1, maxLength: 8 });

/** A benchmark's own file, what it asks, and files that must be there and are empty. */
function target(benchmark: Benchmark, [file, ...empty]: string[], whole: fc.Arbitrary<Case>, others = whole): Target {
  return {
    name: `dataset-${benchmark.name}`,
    cases: 60,
    inputs: fc.oneof(withDamage(whole, ["{", "[", '""', "null", "\t", '":"']), others),
    read(path) {
      const folder = `${path}-folder`;
      const own = join(folder, file);
      mkdirSync(dirname(own), { recursive: true });
      copyFileSync(path, own);
      for (const name of empty) writeFileSync(join(folder, name), "");
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
    ["coco_pope_random.json", "coco_pope_popular.json", "coco_pope_adversarial.json"],
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
];
