import { entriesOf, subscriptOf } from "./template-members.js";
import { holds, integer, itemsOf, kindOf, list, order, same, text, textOf } from "./template-values.js";

/*
 * What the filters of lists share: the order, equals and attributes of entries.
 */

/** @typedef {import("./template-values.js").Value} Value */
/** @typedef {Record<string, Value>} Given */

/** The entries of what may also be none or false. @param {Value} value */
export function presentOf(value) {
  return holds(value) ? itemsOf(value) : [];
}

/** What stands at a name, an index, or several with dots between them. @param {Value} value @param {Value} path @returns {Value} */
export function attributeAt(value, path) {
  if (path.type === "IntegerValue") return subscriptOf(value, path);
  return textOf(path, "a filter")
    .split(".")
    .reduce((found, part) => {
      if (found.type === "UndefinedValue") throw new Error(`takes ${JSON.stringify(part)} of an undefined value`);
      return subscriptOf(found, /^\d+$/.test(part) ? integer(Number(part)) : text(part));
    }, value);
}

/** What small and capital letters are alike for. @param {Value} value @param {Value | undefined} caseSensitive @returns {Value} */
function folded(value, caseSensitive) {
  const apart = caseSensitive !== undefined && holds(caseSensitive);
  return value.type === "StringValue" && !apart ? text(value.value.toLowerCase()) : value;
}

/** @param {Value[]} all @param {Value} [caseSensitive] @param {boolean} [reverse] @param {Value} [attribute] @returns {Value[]} */
export function sorted(all, caseSensitive, reverse = false, attribute) {
  if (attribute?.type === "StringValue" && attribute.value.includes(","))
    throw new Error("sorts by several attributes, which is not supported");
  const keyed = all.map((value) => ({
    value,
    key: folded(isGiven(attribute) ? attributeAt(value, attribute) : value, caseSensitive),
  }));
  keyed.sort((a, b) => (reverse ? order(b.key, a.key) : order(a.key, b.key)));
  return keyed.map(({ value }) => value);
}

/** @param {Value} value @param {Given} given */
export function dictionarySorted(value, { case_sensitive, by, reverse }) {
  const side = by ? textOf(by, "dictsort") : "key";
  if (side !== "key" && side !== "value") throw new Error("sorts a dictionary by neither key nor value");
  return list(
    "Array",
    sorted(pairs(value), case_sensitive, reverse && holds(reverse), integer(side === "key" ? 0 : 1)),
  );
}

/** @param {Value} value @param {Given} given */
export function distinct(value, { case_sensitive, attribute }) {
  /** @type {Value[]} */
  const seen = [];
  const kept = itemsOf(value).filter((one) => {
    const key = folded(isGiven(attribute) ? attributeAt(one, attribute) : one, case_sensitive);
    if (["ArrayValue", "ObjectValue"].includes(key.type)) throw new Error(`looks for equals of a ${kindOf(key)}`);
    return !seen.some((other) => same(other, key)) && seen.push(key);
  });
  return list("Iterator", kept);
}

/** @param {Value} value */
export function pairs(value) {
  if (value.type !== "ObjectValue") throw new Error(`takes the items of a ${kindOf(value)}`);
  return entriesOf(value);
}

/** @param {Value | undefined} value @returns {value is Value} */
export function isGiven(value) {
  return value !== undefined && value.type !== "NullValue";
}
