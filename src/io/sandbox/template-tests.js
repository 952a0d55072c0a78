import { itemsOf, kindOf, LISTS, numberOf, order, same } from "./template-values.js";

/*
 * The tests of jinja2 ("is defined"), by their names.
 */

/** @typedef {import("./template-values.js").Value} Value */

/** @param {...string} types @returns {(value: Value) => boolean} */
const ofType =
  (...types) =>
  (value) =>
    types.includes(value.type);

const equal = (/** @type {Value} */ value, /** @type {Value} */ other) => same(value, other);
const unequal = (/** @type {Value} */ value, /** @type {Value} */ other) => !same(value, other);
const below = (/** @type {Value} */ value, /** @type {Value} */ other) => order(value, other) < 0;
const above = (/** @type {Value} */ value, /** @type {Value} */ other) => order(value, other) > 0;
const atMost = (/** @type {Value} */ value, /** @type {Value} */ other) => order(value, other) <= 0;
const atLeast = (/** @type {Value} */ value, /** @type {Value} */ other) => order(value, other) >= 0;

/** Tests of a value, and of a value and an argument. @type {Readonly<Record<string, (value: Value, argument: Value) => boolean>>} */
const TESTS = {
  boolean: ofType("BooleanValue"),
  // jinja2's undefined value can be called, to say that it is undefined.
  callable: ofType("FunctionValue", "UndefinedValue"),
  defined: (value) => value.type !== "UndefinedValue",
  undefined: ofType("UndefinedValue"),
  none: ofType("NullValue"),
  string: ofType("StringValue"),
  integer: ofType("IntegerValue"),
  float: ofType("FloatValue"),
  number: ofType("IntegerValue", "FloatValue", "BooleanValue"),
  mapping: ofType("ObjectValue"),
  iterable: ofType(...LISTS, "StringValue", "ObjectValue", "UndefinedValue", "LoopValue"),
  // What has a length and takes an index, or seems to.
  sequence: ofType("ArrayValue", "TupleValue", "RangeValue", "StringValue", "ObjectValue", "UndefinedValue"),
  true: (value) => value.type === "BooleanValue" && value.value,
  false: (value) => value.type === "BooleanValue" && !value.value,
  odd: (value) => remainder(value) === 1,
  even: (value) => remainder(value) === 0,
  lower: (value) => cased(value, /\p{Lowercase}/u, /[\p{Uppercase}\p{Lt}]/u),
  upper: (value) => cased(value, /\p{Uppercase}/u, /[\p{Lowercase}\p{Lt}]/u),
  in: (value, container) => contains(container, value),
  ...{ eq: equal, equalto: equal, "==": equal, ne: unequal, "!=": unequal },
  ...{ lt: below, lessthan: below, "<": below, gt: above, greaterthan: above, ">": above },
  ...{ le: atMost, "<=": atMost, ge: atLeast, ">=": atLeast },
};
const WITH_ARGUMENT = /^(?:in|eq|equalto|ne|lt|lessthan|gt|greaterthan|le|ge|[<>=!]=?)$/;

/** @param {string} name @returns {(value: Value, args: readonly Value[]) => boolean} */
export function testNamed(name) {
  if (!Object.hasOwn(TESTS, name)) throw new Error(`uses the test ${JSON.stringify(name)}, which is not supported`);
  const count = WITH_ARGUMENT.test(name) ? 1 : 0;
  return (value, args) => {
    if (args.length !== count) throw new Error(`gives the test ${name} ${args.length} arguments for ${count}`);
    return TESTS[name](value, args[0]);
  };
}

/** Python's "in". @param {Value} container @param {Value} value @returns {boolean} */
export function contains(container, value) {
  if (container.type === "StringValue") {
    if (value.type !== "StringValue") throw new Error(`looks for a ${kindOf(value)} in a text`);
    return container.value.includes(value.value);
  }
  if (container.type === "ObjectValue") {
    if (value.type === "ObjectValue" || value.type === "ArrayValue")
      throw new Error(`looks for a ${kindOf(value)} in a dictionary`);
    return value.type === "StringValue" && container.value.has(value.value);
  }
  return itemsOf(container).some((one) => same(one, value));
}

/** @param {Value} value */
function remainder(value) {
  const number = numberOf(value);
  if (number === undefined) throw new Error(`tests whether a ${kindOf(value)} is odd or even`);
  return Math.abs(number % 2);
}

/** @param {Value} value @param {RegExp} wanted @param {RegExp} others */
function cased(value, wanted, others) {
  if (value.type !== "StringValue") throw new Error(`tests the case of a ${kindOf(value)}`);
  return wanted.test(value.value) && !others.test(value.value);
}
