import { capitalized, linesOf, replaced, split, stripped, titled } from "./template-texts.js";
import {
  boolean,
  bound,
  callable,
  integer,
  itemsOf,
  kindOf,
  list,
  NONE,
  text,
  textOf,
  UNDEFINED,
  wholeOf,
} from "./template-values.js";

/*
 * Attributes, methods, entries and slices of values, as jinja2's sandbox gives them.
 */

/** @typedef {import("./template-values.js").Value} Value */
/** @typedef {(value: Value, given: Record<string, Value>) => Value} Method */

/** Methods of texts with their parameters. @type {Readonly<Record<string, [parameters: string[], work: Method]>>} */
const TEXT_METHODS = {
  upper: [[], ({ value }) => text(value.toUpperCase())],
  lower: [[], ({ value }) => text(value.toLowerCase())],
  title: [[], ({ value }) => text(titled(value))],
  capitalize: [[], ({ value }) => text(capitalized(value))],
  strip: [["chars"], ({ value }, { chars }) => text(stripped(value, "both", optional(chars)))],
  lstrip: [["chars"], ({ value }, { chars }) => text(stripped(value, "start", optional(chars)))],
  rstrip: [["chars"], ({ value }, { chars }) => text(stripped(value, "end", optional(chars)))],
  startswith: [["prefix"], ({ value }, { prefix }) => boolean(anyOf(prefix, (one) => value.startsWith(one)))],
  endswith: [["suffix"], ({ value }, { suffix }) => boolean(anyOf(suffix, (one) => value.endsWith(one)))],
  removeprefix: [
    ["prefix"],
    ({ value }, { prefix }) => {
      const start = textOf(prefix ?? UNDEFINED, "removeprefix");
      return text(value.startsWith(start) ? value.slice(start.length) : value);
    },
  ],
  removesuffix: [
    ["suffix"],
    ({ value }, { suffix }) => {
      const end = textOf(suffix ?? UNDEFINED, "removesuffix");
      return text(value.endsWith(end) ? value.slice(0, value.length - end.length) : value);
    },
  ],
  split: [
    ["sep", "maxsplit"],
    ({ value }, { sep, maxsplit }) => {
      const most = maxsplit ? wholeOf(maxsplit, "split") : -1;
      return list("Array", split(value, optional(sep), most).map(text));
    },
  ],
  splitlines: [[], ({ value }) => list("Array", linesOf(value).map(text))],
  replace: [
    ["old", "new", "count"],
    ({ value }, { old, new: made, count }) => {
      const [from, to] = [old, made].map((one) => textOf(one ?? UNDEFINED, "replace"));
      return text(replaced(value, from, to, count ? wholeOf(count, "replace") : -1));
    },
  ],
  join: [
    ["iterable"],
    ({ value }, { iterable }) =>
      text(
        itemsOf(iterable ?? NONE)
          .map((one) => textOf(one, "join"))
          .join(value),
      ),
  ],
  find: [
    ["sub"],
    ({ value }, { sub }) => {
      const at = value.indexOf(textOf(sub ?? UNDEFINED, "find"));
      return integer(at < 0 ? at : Array.from(value.slice(0, at)).length);
    },
  ],
  count: [
    ["sub"],
    ({ value }, { sub }) => {
      const part = textOf(sub ?? UNDEFINED, "count");
      return integer(part === "" ? Array.from(value).length + 1 : value.split(part).length - 1);
    },
  ],
};

/** Methods of dictionaries with their parameters. @type {Readonly<Record<string, [parameters: string[], work: Method]>>} */
const DICTIONARY_METHODS = {
  items: [[], (value) => list("View", entriesOf(value))],
  keys: [[], (value) => list("View", [...value.value.keys()].map(text))],
  values: [[], (value) => list("View", [...value.value.values()])],
  get: [
    ["key", "default"],
    (value, { key, default: other }) => {
      if (!key || ["ArrayValue", "ObjectValue"].includes(key.type)) throw new Error("gives get no key");
      const found = key.type === "StringValue" ? value.value.get(key.value) : undefined;
      return found ?? other ?? NONE;
    },
  ],
};

/** Methods by the type of their value. @type {Readonly<Record<string, Readonly<Record<string, [string[], Method]>>>>} */
const METHODS = { StringValue: TEXT_METHODS, ObjectValue: DICTIONARY_METHODS };

/** What Python's types have besides, by their names. */
const NUMBER_NAMES =
  "as_integer_ratio conjugate denominator from_bytes bit_count bit_length fromhex hex imag is_integer " +
  "numerator real to_bytes from_number";
/** @type {Readonly<Record<string, ReadonlySet<string>>>} */
const OTHER_NAMES = Object.fromEntries(
  Object.entries({
    StringValue:
      "casefold center count encode endswith expandtabs find format format_map index isalnum isalpha isascii isdecimal " +
      "isdigit isidentifier islower isnumeric isprintable isspace istitle isupper ljust maketrans partition rfind " +
      "rindex rjust rpartition rsplit swapcase translate zfill",
    ObjectValue: "clear copy fromkeys pop popitem setdefault update",
    ArrayValue: "append clear copy count extend index insert pop remove reverse sort",
    TupleValue: "count index",
    RangeValue: "count index start step stop",
    ViewValue: "isdisjoint mapping",
    IteratorValue: "close gi_code gi_frame gi_running gi_suspended gi_yieldfrom send throw",
    LoopValue: "depth depth0 changed",
    FunctionValue: "name arguments catch_kwargs catch_varargs caller",
    IntegerValue: NUMBER_NAMES,
    FloatValue: NUMBER_NAMES,
    BooleanValue: NUMBER_NAMES,
  }).map(([type, names]) => [type, new Set(names.split(" "))]),
);

/** What `value.name` is: an attribute or method, or else an entry. @param {Value} value @param {string} name @returns {Value} */
export function attributeOf(value, name) {
  return memberOf(value, name) ?? entryOf(value, text(name)) ?? UNDEFINED;
}

/** What `value[key]` is: an entry, or else an attribute or method. @param {Value} value @param {Value} key @returns {Value} */
export function subscriptOf(value, key) {
  return entryOf(value, key) ?? (key.type === "StringValue" ? memberOf(value, key.value) : undefined) ?? UNDEFINED;
}

/** @param {Value} value @param {string} name @returns {Value | undefined} */
function memberOf(value, name) {
  if (name.startsWith("__")) throw new Error(`takes ${JSON.stringify(name)} of a value, which is not allowed`);
  if (value.type === "NamespaceValue" || value.type === "LoopValue") {
    const own = value.value.get(name);
    if (own) return own;
  }
  const methods = METHODS[value.type];
  if (methods && Object.hasOwn(methods, name)) {
    const [parameters, work] = methods[name];
    return callable((args, named) => {
      if (value.markup) throw new Error("goes on with a text that was marked as safe, which is not supported");
      return work(value, bound(name, args, named, parameters));
    });
  }
  if (OTHER_NAMES[value.type]?.has(name))
    throw new Error(`uses ${JSON.stringify(name)} of a ${kindOf(value)}, which is not supported`);
  return undefined;
}

/** @param {Value} value @param {Value} key @returns {Value | undefined} */
function entryOf(value, key) {
  if (value.type === "ObjectValue") return key.type === "StringValue" ? value.value.get(key.value) : undefined;
  if (!isIndexed(value) || (key.type !== "IntegerValue" && key.type !== "BooleanValue")) return undefined;
  return entries(value).at(Number(key.value));
}

/** A slice with the bounds that are written. @param {Value} value @param {(Value | undefined)[]} bounds start, stop and step @returns {Value} */
export function sliceOf(value, bounds) {
  if (!isIndexed(value)) throw new Error(`cuts a ${kindOf(value)} into slices`);
  const [start, stop, step = 1] = bounds.map((one) =>
    one === undefined || one.type === "NullValue" ? undefined : wholeOf(one, "a slice"),
  );
  if (step === 0) throw new Error("makes a slice with a step of 0");
  const all = entries(value);
  const [lowest, highest] = step > 0 ? [0, all.length] : [-1, all.length - 1];
  const within = (/** @type {number} */ at) => Math.min(highest, Math.max(lowest, at < 0 ? at + all.length : at));
  const from = start === undefined ? (step > 0 ? lowest : highest) : within(start);
  const to = stop === undefined ? (step > 0 ? highest : lowest) : within(stop);
  const taken = [];
  for (let at = from; step > 0 ? at < to : at > to; at += step) taken.push(all[at]);
  if (value.type === "StringValue") return text(taken.map((one) => one.value).join(""));
  return list(value.type.replace("Value", ""), taken);
}

/** The pairs of a dictionary. @param {Value} value */
export function entriesOf(value) {
  return [...value.value].map(([key, one]) => list("Tuple", [text(key), one]));
}

/** @param {Value} value */
function isIndexed(value) {
  return ["ArrayValue", "TupleValue", "RangeValue", "StringValue"].includes(value.type);
}

/** @param {Value} value @returns {Value[]} */
function entries(value) {
  return value.type === "StringValue" ? itemsOf(value) : value.value;
}

/** @param {Value | undefined} value @returns {string | undefined} */
function optional(value) {
  return value === undefined || value.type === "NullValue" ? undefined : textOf(value, "a method");
}

/** @param {Value | undefined} value @param {(one: string) => boolean} holds */
function anyOf(value, holds) {
  if (value?.type === "TupleValue")
    return value.value.some((/** @type {Value} */ one) => holds(textOf(one, "a method")));
  return holds(textOf(value ?? UNDEFINED, "a method"));
}
