import fc from "fast-check";
import { parseBoxes } from "../../src/core/boxes.ts";
import { boxIn } from "../../src/eval/tasks/benchmarks/refcoco.ts";
import { readText } from "../../src/io/files.ts";
import { withDamage } from "./damage.ts";
import type { Case, Target } from "./target.ts";

const space = fc.constantFrom("", " ", "\n ");
const edge = fc.oneof(
  fc.constantFrom("0", "1", "0.25", "007", "12.50"),
  fc.double({ min: 0, max: 1 }).map((x) => x.toFixed(3)),
);
const box = fc
  .tuple(fc.array(edge, { minLength: 3, maxLength: 5 }), space, space)
  .map(([edges, before, behind]) => `[${edges.map((one) => before + one + behind).join(",")}]`);
const prose = fc.constantFrom("the cat ", "[", "]", "[0.1,", "1.", ".5", ",", "at ", "\u0663", "[[", "-1");

/** Answers with boxes among other text. */
const whole = fc
  .array(fc.oneof(box, prose), { maxLength: 8 })
  .map((parts): Case => ({ bytes: Buffer.from(parts.join("")) }));

/** What stands in brackets, cut at its commas: the bracket that closes belongs to the last one that was opened. */
function inBrackets(text: string): string[][] {
  const found: string[][] = [];
  let start = -1;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "[") start = i + 1;
    if (text[i] !== "]" || start < 0) continue;
    found.push(text.slice(start, i).split(","));
    start = -1;
  }
  return found;
}

/** Digits, and digits behind a point where there is one. */
function decimal(text: string): number | undefined {
  const [before, behind, ...more] = text.split(".");
  const isDigits = (part: string) => part !== "" && [...part].every((one) => "0123456789".includes(one));
  const isNumber = isDigits(before) && (behind === undefined || isDigits(behind)) && more.length === 0;
  return isNumber ? Number(text) : undefined;
}

/** Boxes in answers. */
export const boxes: Target = {
  name: "boxes",
  cases: 300,
  inputs: withDamage(whole, ["[", "]", ",", ".", "0.5", " ", "e5"]),
  read: (path) => parseBoxes(readText(path, 2 ** 20)),
  decode: (bytes) =>
    inBrackets(bytes.toString("utf8"))
      .map((parts) => parts.map((part) => decimal(part.trim())))
      // Of fractions alone: pixels are divided by 1 here. What no number can hold is no box.
      .filter((edges) => edges.length === 4 && edges.every(Number.isFinite)),
};

/** The first box as lmms-eval reads it: of numbers that may be negative, spaces before them alone. */
export const firstBoxes: Target = {
  name: "first-boxes",
  cases: 300,
  inputs: boxes.inputs,
  read: (path) => boxIn(readText(path, 2 ** 20)),
  decode(bytes) {
    const text = bytes.toString("utf8");
    // Other digits and spaces than ASCII's are compared with Python elsewhere.
    if (/[^\0-\x7e]/.test(text)) return undefined;
    for (const parts of inBrackets(text)) {
      const edges = parts.map((part, at) => {
        const led = at < 3 ? part.trimStart() : part.trim();
        const value = decimal(led.replace(/^-/, ""));
        return value === undefined ? undefined : led.startsWith("-") ? -value : value;
      });
      if (edges.length === 4 && !edges.includes(undefined)) return edges;
    }
    return [0, 0, 0, 0];
  },
};
