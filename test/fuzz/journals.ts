import fc from "fast-check";
import { readSamples } from "../../src/eval/run/journal.ts";
import type { Sample } from "../../src/eval/run/sample.ts";
import { withDamage } from "./damage.ts";
import type { Case, Target } from "./target.ts";

const text = fc.string({ unit: "binary", maxLength: 12 });
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x || 0);
const sample: fc.Arbitrary<Sample> = fc.record(
  {
    ...{ task: text, family: text, style: text, split: text, seed: fc.integer(), scene: fc.oneof(fc.integer(), text) },
    ...{ id: text, batch: fc.integer(), question: text, expected: text, answer: text, failed: text },
    ...{ correct: fc.boolean(), iou: fc.option(number), centre: fc.option(fc.boolean()) },
    marks: fc.dictionary(
      text.filter((key) => key !== "__proto__"),
      number,
      { maxKeys: 3, noNullPrototype: true },
    ),
    ...{ method: text, variant: fc.option(text), average: fc.option(text), positions: text },
    ...{ tokensEntering: number, tokensLeaving: number },
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      ..."task family style split seed scene id batch question expected answer correct iou centre".split(" "),
      ..."method variant average positions tokensEntering tokensLeaving".split(" "),
    ] as never,
  },
);

/** JSON with characters as escapes and spaces where they may stand. */
function written(value: unknown, escapes: boolean): string {
  const json = JSON.stringify(value);
  return escapes
    ? ` ${json.replace(/[^\0-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}\r`
    : json;
}

const whole = fc.tuple(fc.array(fc.tuple(sample, fc.boolean()), { maxLength: 3 }), fc.constantFrom("", '{"task":')).map(
  ([list, unfinished]): Case => ({
    bytes: Buffer.from(list.map(([one, escapes]) => `${written(one, escapes)}\n`).join("") + unfinished),
    wanted: list.map(([one]) => one),
  }),
);

/** JSON lines of an evaluation, of which the last may be unfinished. */
export const journals: Target = {
  name: "journals",
  cases: 150,
  inputs: withDamage(whole, ['"failed":"",', "null", "[", "{", "}\n", '"marks":{},', "\\ud800"]),
  read: (path) => readSamples(path, () => undefined),
  decode: (bytes) =>
    bytes
      .toString("utf8", 0, bytes.lastIndexOf(10) + 1)
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line)),
};
