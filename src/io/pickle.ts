import { NuwaError } from "../core/errors.ts";
import { readBytes } from "./files.ts";
import { mostValues } from "./json.ts";
import { PickleReader, type Plain } from "./pickle-reader.ts";
import { escaped, finite, integerLine, numberLine, quoted } from "./pickle-text.ts";

/**
 * Reads a Python pickle that holds nothing but dictionaries with text keys, lists, tuples, text, numbers,
 * True, False and None, as the reference files of RefCOCO do (protocols 0 to 4). A pickle is a program;
 * the instructions that could name or call anything are not known here, and are refused.
 *
 * Source of the instructions: CPython, Lib/pickletools.py.
 *
 * @param maxBytes files above this are refused unread
 * @throws NuwaError naming the file, the instruction and its offset
 */
export function readPickle(path: string, maxBytes: number): Plain {
  const bytes = readBytes(path, maxBytes);
  const reader = new PickleReader(bytes, mostValues(maxBytes));
  try {
    const value = madeBy(reader);
    requireTree(value, bytes.length);
    return value;
  } catch (error) {
    throw new NuwaError(
      `${path}: is not a pickle of plain data (${(error as Error).message}, at byte ${reader.at}). Take the file ` +
        "as its authors distribute it.",
    );
  }
}

function madeBy(reader: PickleReader): Plain {
  for (;;) {
    const code = reader.code();
    if (code === 0x2e) return reader.pop(); // STOP
    const step = STEPS[code];
    if (!step) throw new Error(`instruction 0x${code.toString(16).padStart(2, "0")} is not one of plain data`);
    step(reader);
  }
}

/** Lists and dictionaries inside each other; more than any table has. */
const DEEPEST = 100;
/**
 * Refuses what is small in the file and large when it is walked: a list may be recalled any number of times, and hold
 * a list that was recalled. Each value takes at least a byte where nothing is repeated.
 *
 * @param most values
 */
function requireTree(root: Plain, most: number): void {
  let values = 0;
  const walk = (value: Plain, depth: number) => {
    if (++values > most) throw new Error(`it repeats parts of itself into more than ${most} values`);
    if (value === null || typeof value !== "object") return;
    if (depth === DEEPEST) throw new Error(`more than ${DEEPEST} lists and dictionaries stand inside each other`);
    // Not Object.values: a copy of a long list for each repetition takes longer than the walk.
    if (Array.isArray(value)) for (const item of value) walk(item, depth + 1);
    else for (const key in value) walk(value[key], depth + 1);
  };
  walk(root, 0);
}

/** What an instruction does. */
type Step = (reader: PickleReader) => void;

const dictionaryOf = (reader: PickleReader) => {
  const items = reader.popToMark();
  reader.push({});
  reader.setItems(items);
};

/** Nothing can be appended to it. */
const tuple = (items: Plain[]): Plain => Object.freeze(items) as Plain[];

const STEPS: Readonly<Record<number, Step>> = {
  ...coded({
    "(": (r) => r.mark(),
    N: (r) => r.push(null),
    I: (r) => r.push(integerLine(r.line())),
    L: (r) => r.push(integerLine(r.line().replace(/L$/, ""), false)),
    F: (r) => r.push(numberLine(r.line())),
    S: (r) => r.push(quoted(r.line())),
    V: (r) => r.push(escaped(r.line())),
    d: dictionaryOf,
    l: (r) => r.push(r.popToMark()),
    t: (r) => r.push(tuple(r.popToMark())),
    p: (r) => r.remember(integerLine(r.line(), false) as number),
    g: (r) => r.recall(integerLine(r.line(), false) as number),
    a: (r) => r.append(r.popSome(1)),
    s: (r) => r.setItems(r.popSome(2)),
    // Protocol 1
    J: (r) => r.push(r.signed(4)),
    K: (r) => r.push(r.unsigned(1)),
    M: (r) => r.push(r.unsigned(2)),
    T: (r) => r.push(r.text(r.unsigned(4))),
    U: (r) => r.push(r.text(r.unsigned(1))),
    X: (r) => r.push(r.text(r.unsigned(4))),
    G: (r) => r.push(finite(r.double())),
    "]": (r) => r.push([]),
    "}": (r) => r.push({}),
    ")": (r) => r.push(tuple([])),
    e: (r) => r.append(r.popToMark()),
    u: (r) => r.setItems(r.popToMark()),
    q: (r) => r.remember(r.unsigned(1)),
    r: (r) => r.remember(r.unsigned(4)),
    h: (r) => r.recall(r.unsigned(1)),
    j: (r) => r.recall(r.unsigned(4)),
  }),
  // Protocols 2 to 4
  128: (r) => r.protocol(),
  133: (r) => r.push(tuple(r.popSome(1))),
  134: (r) => r.push(tuple(r.popSome(2))),
  135: (r) => r.push(tuple(r.popSome(3))),
  136: (r) => r.push(true),
  137: (r) => r.push(false),
  138: (r) => r.push(r.signed(r.unsigned(1))),
  140: (r) => r.push(r.text(r.unsigned(1))),
  148: (r) => r.remember(),
  149: (r) => r.frame(),
};

function coded(steps: Readonly<Record<string, Step>>): Record<number, Step> {
  return Object.fromEntries(Object.entries(steps).map(([letter, step]) => [letter.charCodeAt(0), step]));
}
