import * as jinja from "@huggingface/jinja";
import { floatText, quoted, textOrder } from "./template-texts.js";

/*
 * The values of a template. They are those of @huggingface/jinja, whose classes it does not export, with the types of
 * Python that it does not know: a value's `type` says what it is.
 */

/** The declarations of the engine need another setting of the compiler than this project's. */
export const { Environment, Interpreter, parse } = /** @type {any} */ (jinja);

/** @typedef {any} Value a value of the engine */

/** Of a text that a template writes or makes, and of the entries of a list. */
export const MAX_SIZE = 2 ** 20;

/** @param {unknown} value @returns {Value} */
const converted = (value) => new Environment().set("made", value);
const { constructor: Integer } = converted(0);
const { constructor: Float } = converted(0.5);
const { constructor: List } = converted([]);
const { constructor: Dictionary } = converted({});
const { constructor: Callable } = converted(() => undefined);

export const NONE = converted(null);
export const UNDEFINED = converted(undefined);

/** @param {string} value @returns {Value} */
export function text(value) {
  if (value.length > MAX_SIZE) throw new Error(`makes a text of more than ${MAX_SIZE} characters`);
  return converted(value);
}

/** @param {boolean} value @returns {Value} */
export function boolean(value) {
  return converted(value);
}

/** @param {number} value @returns {Value} */
export function integer(value) {
  if (!Number.isSafeInteger(value)) throw new Error("makes a whole number beyond 2^53, which is not supported");
  return new Integer(value || 0);
}

/** @param {number} value @returns {Value} */
export function float(value) {
  if (!Number.isFinite(value)) throw new Error("makes a number that is infinite or none");
  return new Float(value);
}

/** @param {"Array" | "Tuple" | "Range" | "View" | "Iterator"} kind @param {Value[]} value @returns {Value} */
export function list(kind, value) {
  if (value.length > MAX_SIZE) throw new Error(`makes a list of more than ${MAX_SIZE} entries`);
  return Object.assign(new List(value), { type: `${kind}Value` });
}

/** @param {readonly [string, Value][]} entries @returns {Value} */
export function dictionary(entries) {
  return new Dictionary(new Map(entries));
}

/** @param {(args: Value[], named: ReadonlyMap<string, Value>) => Value} work @returns {Value} */
export function callable(work) {
  return new Callable((/** @type {Value[]} */ given) => {
    const last = given[given.length - 1];
    const named = last?.type === "KeywordArgumentsValue" ? last.value : new Map();
    return work(last?.type === "KeywordArgumentsValue" ? given.slice(0, -1) : given, named);
  });
}

/** Arguments by the names of a function's parameters. @param {string} name @param {Value[]} args @param {ReadonlyMap<string, Value>} named @param {string[]} parameters @returns {Record<string, Value>} */
export function bound(name, args, named, parameters) {
  if (args.length > parameters.length) throw new Error(`gives ${name} too many arguments`);
  const all = Object.fromEntries(args.map((value, i) => [parameters[i], value]));
  for (const [key, value] of named) {
    if (!parameters.includes(key) || key in all)
      throw new Error(`gives ${name} an argument ${key} that it does not take`);
    all[key] = value;
  }
  return all;
}

/** The kinds of lists. */
export const LISTS = ["ArrayValue", "TupleValue", "RangeValue", "ViewValue", "IteratorValue"];

/** What a loop over a value goes through. @param {Value} value @returns {Value[]} */
export function itemsOf(value) {
  switch (value.type) {
    case "UndefinedValue":
      return [];
    case "StringValue":
      return Array.from(value.value, text);
    case "ObjectValue":
      return [...value.value.keys()].map(text);
    case "IteratorValue":
      // In Python it is empty the second time, which no template can mean.
      if (value.read) throw new Error("goes twice through the results of a filter: make a list of them");
      value.read = true;
      return value.value;
    default:
      if (LISTS.includes(value.type)) return value.value;
      throw new Error(`goes through a ${kindOf(value)} as if it were a list`);
  }
}

/** @param {Value} value @returns {boolean} */
export function holds(value) {
  if (value.type === "IteratorValue") return true;
  if (value.type === "LoopValue") return true;
  return value.__bool__().value;
}

/** How many entries it has. @param {Value} value */
export function sizeOf(value) {
  if (["IteratorValue", "LoopValue"].includes(value.type)) throw new Error(`asks for the length of a ${kindOf(value)}`);
  return itemsOf(value).length;
}

/** The number that a number or truth value stands for. @param {Value} value @returns {number | undefined} */
export function numberOf(value) {
  return ["IntegerValue", "FloatValue", "BooleanValue"].includes(value.type) ? Number(value.value) : undefined;
}

/** The whole number that an argument must be. @param {Value} value @param {string} what */
export function wholeOf(value, what) {
  if (value.type !== "IntegerValue" && value.type !== "BooleanValue")
    throw new Error(`gives ${what} a ${kindOf(value)} for a whole number`);
  return Number(value.value);
}

/** @param {Value} value @param {string} what @returns {string} */
export function textOf(value, what) {
  if (value.type !== "StringValue") throw new Error(`gives ${what} a ${kindOf(value)} for a text`);
  return value.value;
}

/** How jinja2 writes a value into its text. @param {Value} value @returns {string} */
export function asWritten(value) {
  if (value.type === "StringValue") return value.value;
  return value.type === "UndefinedValue" ? "" : asPython(value);
}

/** Python's repr. @param {Value} value @returns {string} */
export function asPython(value) {
  const inner = () => value.value.map(asPython).join(", ");
  switch (value.type) {
    case "UndefinedValue":
      return "Undefined";
    case "NullValue":
      return "None";
    case "BooleanValue":
      return value.value ? "True" : "False";
    case "IntegerValue":
      return String(value.value);
    case "FloatValue":
      return floatText(value.value);
    case "StringValue":
      if (value.markup) break;
      return quoted(value.value);
    case "ArrayValue":
      return `[${inner()}]`;
    case "TupleValue":
      return value.value.length === 1 ? `(${inner()},)` : `(${inner()})`;
    case "ObjectValue": {
      if (value.isPart) throw new Error("writes the list of a message's parts where a text belongs");
      const entries = [...value.value].map(([key, one]) => `${quoted(key)}: ${asPython(one)}`);
      return `{${entries.join(", ")}}`;
    }
  }
  throw new Error(`writes a ${kindOf(value)} where a text belongs`);
}

/** Python's ==. @param {Value} a @param {Value} b @returns {boolean} */
export function same(a, b) {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return x === y;
  if (a === b) return true;
  if (a.type !== b.type) return false;
  if (a.type === "ViewValue") throw new Error(`compares a ${kindOf(a)}`);
  if (Array.isArray(a.value))
    return (
      a.type !== "IteratorValue" &&
      a.value.length === b.value.length &&
      a.value.every((/** @type {Value} */ one, /** @type {number} */ i) => same(one, b.value[i]))
    );
  if (a.type === "ObjectValue")
    return (
      a.value.size === b.value.size &&
      [...a.value].every(([key, one]) => b.value.has(key) && same(one, b.value.get(key)))
    );
  return a.value === b.value;
}

/** Below 0 where a < b in Python. @param {Value} a @param {Value} b @returns {number} */
export function order(a, b) {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return x - y;
  if (a.type === "StringValue" && b.type === "StringValue") return textOrder(a.value, b.value);
  throw new Error(`compares a ${kindOf(a)} and a ${kindOf(b)}`);
}

/** @type {Readonly<Record<string, string>>} */
const KINDS = {
  ...{ ArrayValue: "list", FunctionValue: "macro or function", IntegerValue: "whole number", FloatValue: "number" },
  ...{ IteratorValue: "filter's result", LoopValue: "loop", NamespaceValue: "namespace", NullValue: "none" },
  ...{ ObjectValue: "dictionary", StringValue: "text", BooleanValue: "truth value", RangeValue: "range" },
  ...{ TupleValue: "tuple", UndefinedValue: "undefined value", ViewValue: "view of a dictionary" },
};

/** What a value is, in words for a person. @param {Value} value */
export function kindOf(value) {
  return KINDS[value.type] ?? "value";
}
