import fc from "fast-check";
import { parseBoxes } from "../../src/core/boxes.ts";
import { normaliseAnswer } from "../../src/eval/tasks/benchmarks/evalai.ts";
import { letterOf } from "../../src/eval/tasks/benchmarks/mmbench-letter.ts";
import { yesOrNo } from "../../src/eval/tasks/benchmarks/mme.ts";
import { boxIn } from "../../src/eval/tasks/benchmarks/refcoco.ts";
import { agreement } from "../../src/eval/tasks/benchmarks/textvqa.ts";
import { capitalised, linesOf, strippedAtEnd } from "../../src/eval/tasks/python-text.ts";
import { readText } from "../../src/io/files.ts";
import type { Case, Target } from "./target.ts";

/** An answer may be long: a megabyte of one part again and again, between two others. */
const LONGEST = 2 ** 20;

const part = fc.oneof(
  fc.constantFrom(
    " ",
    "\n",
    "\t",
    "0",
    "1",
    ".",
    ",",
    "[",
    "]",
    "[1",
    "[0.1,",
    "[ ",
    "[-",
    "a",
    "A ",
    "yes",
    "'",
    "'s",
    '"',
  ),
  fc.constantFrom(
    "<",
    "<!--",
    "<svg ",
    "<svg>",
    "-->",
    ' width="1',
    " width=",
    "='",
    "\u0661",
    "\u03a3",
    "\u0130",
    "\u1f80",
  ),
  fc.constantFrom(";", "( ", "_", "\\", "\0", "\ufeff", "\u3000", "\u{1d7d8}", "1.1", "[1,1,1,1", "[1 ,"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 3 }),
);
const inputs = fc.tuple(part, part, part, fc.constantFrom(3, 3, 2 ** 17, LONGEST)).map(
  ([first, again, last, bytes]): Case => ({
    bytes: Buffer.from(first + again.repeat(Math.ceil(bytes / Buffer.byteLength(again))) + last),
  }),
);

const OPTIONS = { A: "cat", B: "a dog", C: "", D: "1" };

/** Everything that reads what a model says: it ends soon, whatever was said. */
export const answers: Target = {
  name: "answers",
  cases: 16,
  inputs,
  seconds: 3,
  read(path) {
    const said = readText(path, 2 * LONGEST);
    const read = [parseBoxes, boxIn, yesOrNo, normaliseAnswer, capitalised, linesOf];
    for (const one of read) one(said);
    agreement(said, [said, "cat", "1"]);
    letterOf(said, OPTIONS);
    strippedAtEnd(said, "\n");
    return undefined;
  },
};
