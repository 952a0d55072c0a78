import {
  asWritten,
  boolean,
  callable,
  dictionary,
  integer,
  list,
  text,
  textOf,
  UNDEFINED,
  wholeOf,
} from "./template-values.js";

/*
 * Functions that chat templates may call.
 */

/** The longest range that jinja2's sandbox allows. */
const MAX_RANGE = 100_000;

/** Functions of jinja2 that are not here: without this they would seem undefined. */
export const MISSING_FUNCTIONS = ["cycler", "dict", "joiner", "lipsum"];

/** @typedef {import("./template-values.js").Value} Value */

/** @param {Value[]} args @param {ReadonlyMap<string, Value>} named @returns {Value} */
export function range(args, named) {
  const numbers = args.map((one) => wholeOf(one, "range"));
  if (named.size > 0 || numbers.length < 1 || numbers.length > 3)
    throw new Error("gives range other than 1 to 3 numbers");
  const [from, to, step = 1] = numbers.length === 1 ? [0, ...numbers] : numbers;
  if (step === 0) throw new Error("makes a range with a step of 0");
  const size = Math.max(0, Math.ceil((to - from) / step));
  if (size > MAX_RANGE) throw new Error(`makes a range of more than ${MAX_RANGE} numbers`);
  return list(
    "Range",
    Array.from({ length: size }, (_, i) => integer(from + i * step)),
  );
}

/** @param {Value[]} args @returns {never} */
export function raise(args) {
  throw new Error(args.map(asWritten).join(" "));
}

/** @param {Value[]} args the format of strftime, in the few letters that dates of prompts take @returns {Value} */
export function timeAsWritten(args) {
  const format = textOf(args[0] ?? UNDEFINED, "strftime_now");
  const now = new Date();
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const name = (/** @type {Intl.DateTimeFormatOptions} */ options) => now.toLocaleDateString("en-US", options);
  /** @type {Readonly<Record<string, () => string>>} */
  const letters = {
    Y: () => String(now.getFullYear()),
    m: () => two(now.getMonth() + 1),
    d: () => two(now.getDate()),
    H: () => two(now.getHours()),
    M: () => two(now.getMinutes()),
    S: () => two(now.getSeconds()),
    b: () => name({ month: "short" }),
    B: () => name({ month: "long" }),
    a: () => name({ weekday: "short" }),
    A: () => name({ weekday: "long" }),
    y: () => two(now.getFullYear() % 100),
    "%": () => "%",
  };
  const written = format.replace(/%-?(.)/g, (whole, letter) => {
    if (!Object.hasOwn(letters, letter)) throw new Error(`writes the time as ${whole}, which is not supported`);
    return whole[1] === "-" ? letters[letter]().replace(/^0/, "") : letters[letter]();
  });
  return text(written);
}

/** What a template knows of a turn of its loop. @param {Value[]} items @param {number} index @returns {Value} */
export function loopState(items, index) {
  const count = items.length;
  const state = dictionary([
    ["index", integer(index + 1)],
    ["index0", integer(index)],
    ["revindex", integer(count - index)],
    ["revindex0", integer(count - index - 1)],
    ["first", boolean(index === 0)],
    ["last", boolean(index === count - 1)],
    ["length", integer(count)],
    ["previtem", items[index - 1] ?? UNDEFINED],
    ["nextitem", items[index + 1] ?? UNDEFINED],
    [
      "cycle",
      callable((args) => {
        if (args.length === 0) throw new Error("gives loop.cycle nothing to go through");
        return args[index % args.length];
      }),
    ],
  ]);
  return Object.assign(state, { type: "LoopValue" });
}
