import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { mergeShards } from "../../src/eval/run/merge.ts";
import { withDamage } from "./damage.ts";
import type { Case, Target } from "./target.ts";

/** Between options.json and samples.jsonl, which are one file here. */
const SEPARATOR = "\n---\n";
const [LAYERS, TOKENS, SEED, OWN] = [2, 16, 7, "./mine.ts"];

const text = fc.string({ unit: "binary", maxLength: 10 });
const whole16 = fc.integer({ min: 0, max: LAYERS * TOKENS }).map((all) => all / LAYERS);
const question = fc.record({ id: text, scene: text, question: text, expected: text }, { noNullPrototype: true });
const answer = fc.record(
  { answer: text, correct: fc.boolean(), tokensEntering: whole16, tokensLeaving: whole16 },
  { noNullPrototype: true },
);
const setting = (method: string, average: string | null) => ({
  ...{ method, variant: null, average, positions: "original" },
});
const SETTINGS = [setting("none", null), setting("fastv", "1/2"), setting(OWN, "1/2")];

/** Questions of two batches, and an answer to each under each setting. */
const asked = fc
  .uniqueArray(question, { selector: ({ id }) => id, minLength: 1, maxLength: 4 })
  .chain((questions) =>
    fc.tuple(
      fc.constant(questions),
      fc.array(answer, { minLength: 3 * questions.length, maxLength: 3 * questions.length }),
    ),
  );

const merged = asked.map(([questions, answers]): Case => {
  const items = questions.map((one, i) => ({
    ...{ task: "gqa", family: "all", style: "", split: "testdev", ...one, batch: i < 2 ? 0 : 1 },
  }));
  const hash = createHash("sha256");
  for (const { batch, task, family, style, split, scene, id, question: words, expected } of items)
    hash.update(`${JSON.stringify([batch, task, family, style, split, scene, id, words, expected])}\n`);
  const samples = [0, 1].flatMap((batch) =>
    SETTINGS.flatMap((one, s) =>
      items.flatMap((item, i) =>
        item.batch === batch
          ? [{ ...item, seed: SEED, ...answers[s * items.length + i], iou: null, centre: null, ...one }]
          : [],
      ),
    ),
  );
  const options = {
    ...{ tasks: ["gqa"], methods: ["none", "fastv", OWN], variants: ["official"], averages: ["1/2"] },
    ...{ positions: ["original"], split: "test", seed: SEED, shard: "1/1", layers: LAYERS, tokens: TOKENS },
    ...{ questions: hash.digest("hex"), settings: [SETTINGS[2]], answers: samples.length },
  };
  const lines = samples.map((sample) => `${JSON.stringify(sample)}\n`).join("");
  return { bytes: Buffer.from(`${JSON.stringify(options)}${SEPARATOR}${lines}`), wanted: ordered(samples) };
});

/** Lines may stand in another order than their questions were asked in. */
function ordered(samples: readonly unknown[]): unknown[] {
  const key = ({ method, id }: { method: string; id: string }) => JSON.stringify([method, id]);
  return (samples as { method: string; id: string }[]).toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** What `nuwa eval merge` reads of a shard: its options and its journal. */
export const merges: Target = {
  name: "merges",
  cases: 80,
  inputs: withDamage(merged, ['"settings":[],', '"answers":0', "1/2", "null", "}\n", '"correct":true', '"batch":1']),
  read(path) {
    const [options, ...journal] = readFileSync(path, "latin1").split(SEPARATOR);
    const folder = `${path}-folder`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "options.json"), options, "latin1");
    writeFileSync(join(folder, "samples.jsonl"), journal.join(SEPARATOR), "latin1");
    return ordered(mergeShards([folder]).samples);
  },
  decode: (bytes) =>
    ordered(
      bytes
        .toString()
        .slice(bytes.toString().indexOf(SEPARATOR) + SEPARATOR.length)
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    ),
};
