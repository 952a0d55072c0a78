import { chainResult } from "./template-chains.js";
import { filtered } from "./template-filters.js";
import { MISSING_FUNCTIONS } from "./template-functions.js";
import { attributeOf, sliceOf, subscriptOf } from "./template-members.js";
import { operated } from "./template-operators.js";
import { testNamed } from "./template-tests.js";
import { boolean, dictionary, float, holds, Interpreter, integer, kindOf, list, UNDEFINED } from "./template-values.js";

/*
 * The expressions of templates, as jinja2 evaluates them.
 */

/** @typedef {any} Node a part of a parsed template */
/** @typedef {import("./template-values.js").Value} Value */

export class Expressions extends Interpreter {
  /**
   * @param {Node} node
   * @param {any} environment
   * @returns {any}
   */
  evaluate(node, environment) {
    switch (node?.type) {
      case "FilterExpression":
        return this.filter(node, this.evaluate(node.operand, environment), environment);
      case "TestExpression": {
        const test = testNamed(node.test.value);
        return boolean(test(this.evaluate(node.operand, environment), []) !== Boolean(node.negate));
      }
      case "Identifier":
        return this.variable(node.value, environment);
      case "MemberExpression":
        return this.member(node, environment);
      case "CallExpression": {
        const callee = this.evaluate(node.callee, environment);
        if (callee.type !== "FunctionValue") throw new Error(`calls ${nameOf(node.callee)}, a ${kindOf(callee)}`);
        return super.evaluate(node, environment);
      }
      case "BinaryExpression":
        return this.operation(node, environment);
      case "UnaryExpression":
        return this.unary(node, environment);
      case "Ternary":
        return this.evaluate(
          holds(this.evaluate(node.condition, environment)) ? node.trueExpr : node.falseExpr,
          environment,
        );
      case "SelectExpression":
        return holds(this.evaluate(node.test, environment)) ? this.evaluate(node.lhs, environment) : UNDEFINED;
      case "IntegerLiteral":
        return integer(node.value);
      case "FloatLiteral":
        return float(node.value);
      case "ArrayLiteral":
        return list(
          "Array",
          node.value.map((/** @type {Node} */ one) => this.evaluate(one, environment)),
        );
      case "TupleLiteral":
        return list(
          "Tuple",
          node.value.map((/** @type {Node} */ one) => this.evaluate(one, environment)),
        );
      case "ObjectLiteral":
        return dictionary(
          [...node.value].map(([key, value]) => {
            const name = this.evaluate(key, environment);
            if (name.type !== "StringValue") throw new Error(`has a ${kindOf(name)} for a dictionary's key`);
            return [name.value, this.evaluate(value, environment)];
          }),
        );
      default:
        return super.evaluate(node, environment);
    }
  }

  /**
   * @param {Node} node with a filter, which has arguments or none
   * @param {Value} operand
   * @param {any} environment
   */
  filter({ filter }, operand, environment) {
    if (filter.type === "Identifier") return filtered(filter.value, operand, [], new Map());
    if (filter.callee?.type !== "Identifier") throw new Error("has a filter that is no name");
    const [args, named] = this.evaluateArguments(filter.args, environment);
    return filtered(filter.callee.value, operand, args, named);
  }

  /**
   * @param {string} name
   * @param {any} environment
   */
  variable(name, environment) {
    const value = environment.lookupVariable(name);
    if (value.type === "UndefinedValue" && MISSING_FUNCTIONS.includes(name))
      throw new Error(`uses ${JSON.stringify(name)}, which is not supported`);
    return value;
  }

  /**
   * @param {Node} node
   * @param {any} environment
   */
  member({ object, property, computed }, environment) {
    const value = this.evaluate(object, environment);
    if (value.type === "UndefinedValue") throw new Error(`${nameOf(object)} is undefined`);
    if (property.type === "SliceExpression") {
      const { start, stop, step } = property;
      return sliceOf(
        value,
        [start, stop, step].map((bound) => bound && this.evaluate(bound, environment)),
      );
    }
    if (computed) return subscriptOf(value, this.evaluate(property, environment));
    return property.type === "Identifier"
      ? attributeOf(value, property.value)
      : subscriptOf(value, integer(property.value));
  }

  /**
   * @param {Node} node
   * @param {any} environment
   */
  unary({ operator, argument }, environment) {
    const value = this.evaluate(argument, environment);
    if (operator.value === "not") return boolean(!holds(value));
    if (operator.value === "-" && value.type === "FloatValue") return float(-value.value);
    return operated(operator.value, integer(0), value);
  }

  /**
   * @param {Node} node
   * @param {any} environment
   */
  operation(node, environment) {
    const operator = node.operator.value;
    if (operator === "and" || operator === "or") {
      const left = this.evaluate(node.left, environment);
      return holds(left) === (operator === "and") ? this.evaluate(node.right, environment) : left;
    }
    return chainResult(node, (operand) => this.evaluate(operand, environment));
  }
}

/** @param {Node} node @returns {string} */
function nameOf(node) {
  return node.type === "Identifier" ? node.value : "a value";
}
