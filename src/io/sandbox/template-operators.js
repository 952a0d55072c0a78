import { contains } from "./template-tests.js";
import {
  asPython,
  asWritten,
  boolean,
  float,
  integer,
  kindOf,
  list,
  MAX_SIZE,
  numberOf,
  order,
  same,
  text,
} from "./template-values.js";

/*
 * The operators of templates, as Python has them.
 */

/** @typedef {import("./template-values.js").Value} Value */

/** @type {Readonly<Record<string, (a: Value, b: Value) => boolean>>} */
const COMPARISONS = {
  "==": same,
  "!=": (a, b) => !same(a, b),
  "<": (a, b) => order(a, b) < 0,
  ">": (a, b) => order(a, b) > 0,
  "<=": (a, b) => order(a, b) <= 0,
  ">=": (a, b) => order(a, b) >= 0,
  in: (a, b) => contains(b, a),
  "not in": (a, b) => !contains(b, a),
};

/** @param {string} operator */
export function isComparison(operator) {
  return Object.hasOwn(COMPARISONS, operator);
}

/** @param {string} operator @param {Value} a @param {Value} b @returns {Value} */
export function operated(operator, a, b) {
  if (isComparison(operator)) return boolean(COMPARISONS[operator](a, b));
  if (operator === "~") return text(asWritten(a) + asWritten(b));
  if (a.markup || b.markup) throw new Error("goes on with a text that was marked as safe, which is not supported");
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined)
    return calculated(
      operator,
      x,
      y,
      [a, b].some((one) => one.type === "FloatValue"),
    );
  if (operator === "+" && a.type === b.type) {
    if (a.type === "StringValue") return text(a.value + b.value);
    if (a.type === "ArrayValue" || a.type === "TupleValue")
      return list(a.type === "ArrayValue" ? "Array" : "Tuple", a.value.concat(b.value));
  }
  if (operator === "*") {
    const [whole, other] = numberOf(a) === undefined ? [b, a] : [a, b];
    const count = Math.max(0, Number(whole.value));
    if (["IntegerValue", "BooleanValue"].includes(whole.type) && ["StringValue", "ArrayValue"].includes(other.type)) {
      if (other.value.length * count > MAX_SIZE) throw new Error(`repeats a text or list beyond ${MAX_SIZE} entries`);
      if (other.type === "StringValue") return text(other.value.repeat(count));
      return list("Array", Array.from({ length: count }, () => other.value).flat());
    }
  }
  if (operator === "%" && a.type === "StringValue")
    return text(formatted(a.value, b.type === "TupleValue" ? b.value : [b]));
  throw new Error(`cannot calculate a ${kindOf(a)} ${operator} a ${kindOf(b)}`);
}

/** @param {string} operator @param {number} x @param {number} y @param {boolean} isFloat */
function calculated(operator, x, y, isFloat) {
  const made = isFloat ? float : integer;
  if (["/", "//", "%"].includes(operator) && y === 0) throw new Error("divides by zero");
  switch (operator) {
    case "+":
      return made(x + y);
    case "-":
      return made(x - y);
    case "*":
      return made(x * y);
    case "/":
      return float(x / y);
    case "//": {
      if (isFloat) throw new Error("divides fractions to whole numbers, which is not supported");
      const rest = x % y;
      return integer((x - rest) / y - (rest !== 0 && rest < 0 !== y < 0 ? 1 : 0));
    }
    case "%": {
      const rest = x % y;
      if (rest === 0) return made(isFloat && (y < 0 || Object.is(y, -0)) ? -0 : 0);
      return made(rest < 0 !== y < 0 ? rest + y : rest);
    }
    case "**":
      if (isFloat || y < 0) throw new Error("takes powers with fractions, which is not supported");
      return integer(x ** y);
    default:
      throw new Error(`uses the operator ${operator}, which is not supported`);
  }
}

/** Python's formatting of a text with %, for what stands without width: %s, %r, %d and %%. @param {string} form @param {readonly Value[]} values */
export function formatted(form, values) {
  let used = 0;
  const written = form.replace(/%([\s\S]?)/g, (whole, kind) => {
    if (kind === "%") return "%";
    if (!["s", "r", "d", "i"].includes(kind))
      throw new Error(`formats with ${JSON.stringify(whole)}, which is not supported`);
    const value = values[used++];
    if (value === undefined) throw new Error("has not enough values for a format");
    if (kind === "s") return asWritten(value);
    if (kind === "r") return asPython(value);
    const number = numberOf(value);
    if (number === undefined) throw new Error(`formats a ${kindOf(value)} as a whole number`);
    return String(Math.trunc(number) || 0);
  });
  // A dictionary or list may be left over, as it may hold what names would take.
  if (used < values.length && !(values.length === 1 && ["ObjectValue", "ArrayValue"].includes(values[0].type)))
    throw new Error("has too many values for a format");
  return written;
}
