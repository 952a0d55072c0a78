import { toJson } from "./template-json.js";
import { numberText, rounded } from "./template-numbers.js";
import { formatted, operated } from "./template-operators.js";
import { attributeAt, dictionarySorted, distinct, isGiven, pairs, presentOf, sorted } from "./template-sequences.js";
import { testNamed } from "./template-tests.js";
import { capitalized, linesOf, replaced, SPACE, stripped } from "./template-texts.js";
import {
  asWritten,
  bound,
  float,
  holds,
  integer,
  itemsOf,
  kindOf,
  list,
  numberOf,
  sizeOf,
  text,
  textOf,
  UNDEFINED,
  wholeOf,
} from "./template-values.js";

/*
 * The filters of jinja2 3.1, by their names.
 */

/** @typedef {import("./template-values.js").Value} Value */
/** @typedef {Record<string, Value>} Given */

const WORD_START = new RegExp(`([-${SPACE}({\\[<]+)`);

/** Filters with their parameters. @type {Readonly<Record<string, [parameters: string[], work: (value: Value, given: Given) => Value]>>} */
const FILTERS = {
  abs: [[], (value) => made(value, Math.abs(numeric(value, "abs")))],
  capitalize: [[], (value) => text(capitalized(asWritten(value)))],
  count: [[], (value) => integer(sizeOf(value))],
  default: [["default_value", "boolean"], otherwise],
  d: [["default_value", "boolean"], otherwise],
  dictsort: [["case_sensitive", "by", "reverse"], dictionarySorted],
  first: [[], (value) => itemsOf(value)[0] ?? UNDEFINED],
  float: [["default"], (value, { default: other }) => floatOf(value) ?? other ?? float(0)],
  indent: [["width", "first", "blank"], indented],
  int: [["default"], (value, { default: other }) => wholeNumberOf(value) ?? other ?? integer(0)],
  items: [[], (value) => list("Iterator", value.type === "UndefinedValue" ? [] : pairs(value))],
  join: [
    ["d", "attribute"],
    (value, { d, attribute }) => {
      const parts = itemsOf(value).map((one) => asWritten(attribute ? attributeAt(one, attribute) : one));
      return text(parts.join(d ? asWritten(d) : ""));
    },
  ],
  last: [[], (value) => reversible(value).at(-1) ?? UNDEFINED],
  length: [[], (value) => integer(sizeOf(value))],
  list: [[], (value) => list("Array", [...itemsOf(value)])],
  lower: [[], (value) => text(asWritten(value).toLowerCase())],
  max: [
    ["case_sensitive"],
    (value, { case_sensitive }) => sorted(itemsOf(value), case_sensitive, true)[0] ?? UNDEFINED,
  ],
  min: [["case_sensitive"], (value, { case_sensitive }) => sorted(itemsOf(value), case_sensitive)[0] ?? UNDEFINED],
  replace: [
    ["old", "new", "count"],
    (value, { old, new: other, count }) => {
      const most = count && count.type !== "NullValue" ? wholeOf(count, "replace") : -1;
      if (!old || !other) throw new Error("gives replace too few arguments");
      return text(replaced(asWritten(value), asWritten(old), asWritten(other), most));
    },
  ],
  reverse: [
    [],
    (value) => {
      if (value.type === "StringValue")
        return text(
          itemsOf(value)
            .map((one) => one.value)
            .reverse()
            .join(""),
        );
      return list("Iterator", [...reversible(value)].reverse());
    },
  ],
  round: [
    ["precision", "method"],
    (value, { precision, method }) => {
      const number = numeric(value, "round");
      const how = method ? textOf(method, "round") : "common";
      if (value.type !== "FloatValue" && how === "common") return integer(number);
      return float(rounded(number, precision ? wholeOf(precision, "round") : 0, how));
    },
  ],
  safe: [[], (value) => Object.assign(text(asWritten(value)), { markup: true })],
  sort: [
    ["reverse", "case_sensitive", "attribute"],
    (value, { reverse, case_sensitive, attribute }) =>
      list("Array", sorted(itemsOf(value), case_sensitive, reverse && holds(reverse), attribute)),
  ],
  string: [[], (value) => (value.type === "StringValue" ? value : text(asWritten(value)))],
  sum: [
    ["attribute", "start"],
    (value, { attribute, start }) => {
      const terms = itemsOf(value).map((one) => (isGiven(attribute) ? attributeAt(one, attribute) : one));
      return terms.reduce((all, one) => {
        // Python adds floats with a correction of their rounding.
        if (one.type === "FloatValue" || numberOf(one) === undefined) throw new Error(`sums a ${kindOf(one)}`);
        return operated("+", all, one);
      }, start ?? integer(0));
    },
  ],
  title: [
    [],
    (value) =>
      text(
        asWritten(value)
          .split(WORD_START)
          .map((part) => capitalized(part))
          .join(""),
      ),
  ],
  trim: [
    ["chars"],
    (value, { chars }) => text(stripped(asWritten(value), "both", isGiven(chars) ? textOf(chars, "trim") : undefined)),
  ],
  unique: [["case_sensitive", "attribute"], distinct],
  upper: [[], (value) => text(asWritten(value).toUpperCase())],
};

/** Filters that take any number of arguments. @type {Readonly<Record<string, (value: Value, args: Value[], named: ReadonlyMap<string, Value>) => Value>>} */
const OPEN_FILTERS = {
  format: (value, args, named) => {
    if (named.size > 0) throw new Error("formats with names, which is not supported");
    return text(formatted(asWritten(value), args));
  },
  map: mapped,
  reject: (value, args, named) => selected("reject", value, args, named),
  rejectattr: (value, args, named) => selected("rejectattr", value, args, named),
  select: (value, args, named) => selected("select", value, args, named),
  selectattr: (value, args, named) => selected("selectattr", value, args, named),
  tojson: toJson,
};

/** @param {string} name @param {Value} value @param {Value[]} args @param {ReadonlyMap<string, Value>} named @returns {Value} */
export function filtered(name, value, args, named) {
  if (value.markup && name !== "string" && name !== "safe")
    throw new Error("goes on with a text that was marked as safe, which is not supported");
  if (Object.hasOwn(OPEN_FILTERS, name)) return OPEN_FILTERS[name](value, args, named);
  if (!Object.hasOwn(FILTERS, name)) throw new Error(`uses the filter ${JSON.stringify(name)}, which is not supported`);
  const [parameters, work] = FILTERS[name];
  return work(value, bound(name, args, named, parameters));
}

/** @param {Value} value @param {Given} given */
function otherwise(value, { default_value, boolean }) {
  const missing = value.type === "UndefinedValue" || (boolean && holds(boolean) && !holds(value));
  return missing ? (default_value ?? text("")) : value;
}

/** @param {Value} value @param {Value[]} args @param {ReadonlyMap<string, Value>} named @returns {Value} */
function mapped(value, args, named) {
  const attribute = named.get("attribute");
  if (args.length > 0) {
    const [name, ...others] = args;
    return list(
      "Iterator",
      presentOf(value).map((one) => filtered(textOf(name, "map"), one, others, named)),
    );
  }
  const { default: other } = bound("map", args, named, ["attribute", "default"]);
  if (!attribute) throw new Error("gives map neither a filter nor an attribute");
  return list(
    "Iterator",
    presentOf(value).map((one) => {
      const found = attributeAt(one, attribute);
      return found.type === "UndefinedValue" && isGiven(other) ? other : found;
    }),
  );
}

/** @param {string} name @param {Value} value @param {Value[]} args @param {ReadonlyMap<string, Value>} named @returns {Value} */
function selected(name, value, args, named) {
  if (named.size > 0) throw new Error(`gives ${name} an argument by name`);
  const byAttribute = name.endsWith("attr");
  const [attribute, testName, ...others] = byAttribute ? args : [undefined, ...args];
  if (byAttribute && !attribute) throw new Error(`gives ${name} no attribute`);
  const test = testName ? testNamed(textOf(testName, name)) : holds;
  const wanted = name.startsWith("select");
  const all = itemsOf(value);
  return list(
    "Iterator",
    all.filter((one) => test(attribute ? attributeAt(one, attribute) : one, others) === wanted),
  );
}

/** @param {Value} value @param {Given} given */
function indented(value, { width, first, blank }) {
  const all = linesOf(`${textOf(value, "indent")}\n`);
  const space = width?.type === "StringValue" ? width.value : " ".repeat(width ? wholeOf(width, "indent") : 4);
  const [withFirst, withBlank] = [first, blank].map((flag) => flag !== undefined && holds(flag));
  return text(
    all.map((line, i) => ((i === 0 ? withFirst : withBlank || line !== "") ? space + line : line)).join("\n"),
  );
}

/** @param {Value} value @returns {Value[]} */
function reversible(value) {
  if (value.type === "IteratorValue")
    throw new Error("takes the results of a filter from their end: make a list of them");
  return itemsOf(value);
}

/** @param {Value} value @param {string} filter */
function numeric(value, filter) {
  const number = numberOf(value);
  if (number === undefined) throw new Error(`gives ${filter} a ${kindOf(value)} for a number`);
  return number;
}

/** @param {Value} like @param {number} number */
function made(like, number) {
  return like.type === "FloatValue" ? float(number) : integer(number);
}

/** @param {Value} value @returns {Value | undefined} */
function floatOf(value) {
  if (value.type === "UndefinedValue") throw new Error("makes a number of an undefined value");
  const number = value.type === "StringValue" ? numberText(value.value) : numberOf(value);
  return number === undefined ? undefined : float(number);
}

/** @param {Value} value @returns {Value | undefined} */
function wholeNumberOf(value) {
  const number = floatOf(value)?.value;
  return number === undefined ? undefined : integer(Math.trunc(number));
}
