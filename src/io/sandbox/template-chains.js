import { isComparison, operated } from "./template-operators.js";
import { boolean, holds } from "./template-values.js";

/*
 * Operators that stand side by side. The parser makes pairs of them, and "~" as binding as "+"; in jinja2 comparisons
 * are a chain, and "~" comes first. Operators of one group have no brackets between them.
 */

/** @typedef {any} Node a part of a parsed template */
/** @typedef {import("./template-values.js").Value} Value */

/** The value of an operator other than "and" and "or". @param {Node} node @param {(operand: Node) => Value} evaluate @returns {Value} */
export function chainResult(node, evaluate) {
  const isOfComparisons = isComparison(node.operator.value);
  const belongs = (/** @type {Node} */ one) =>
    one.type === "BinaryExpression" &&
    one.operator.group === node.operator.group &&
    (isOfComparisons ? isComparison(one.operator.value) : one.operator.type === node.operator.type);
  const operands = [];
  const operators = [];
  let first = node;
  do {
    operands.unshift(first.right);
    operators.unshift(first.operator.value);
    first = first.left;
  } while (belongs(first));
  const values = [first, ...operands].map((operand) => () => evaluate(operand));
  return isOfComparisons ? compared(values, operators) : calculated(values, operators);
}

/** Whether each holds with the next; none is evaluated behind one that does not. @param {(() => Value)[]} values @param {string[]} operators */
function compared(values, operators) {
  let left = values[0]();
  for (const [i, operator] of operators.entries()) {
    const right = values[i + 1]();
    if (!holds(operated(operator, left, right))) return boolean(false);
    left = right;
  }
  return boolean(true);
}

/** @param {(() => Value)[]} values @param {string[]} operators */
function calculated(values, operators) {
  const joined = [values[0]()];
  const others = [];
  for (const [i, operator] of operators.entries()) {
    const right = values[i + 1]();
    if (operator === "~") joined.push(operated("~", joined.pop(), right));
    else {
      others.push(operator);
      joined.push(right);
    }
  }
  return others.reduce((left, operator, i) => operated(operator, left, joined[i + 1]), joined[0]);
}
