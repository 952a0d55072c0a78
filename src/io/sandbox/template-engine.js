import * as jinja from "@huggingface/jinja";
import { range, timeAsWritten } from "./template-functions.js";

/*
 * Chat templates as transformers renders them: jinja2 in a sandbox, with loop controls. The engine is
 * @huggingface/jinja; where it reads a template otherwise than jinja2, its evaluation is replaced here.
 */

/** The declarations of the engine need another setting of the compiler than this project's. */
const { Environment, Interpreter, Template } = /** @type {any} */ (jinja);

/** @typedef {any} Node a part of a parsed template */
/** @typedef {any} Value a value of the engine */

/** Of a text that a template writes or makes. */
const MAX_CHARACTERS = 2 ** 20;
/** The parts of a template that write no text themselves. */
const SILENT = new Set(["Set", "Macro", "Comment"]);

/** @param {{ source: string }} file */
export function openTemplate({ source }) {
  const { parsed } = inWords(() => new Template(source));
  return {
    /** @param {Readonly<Record<string, unknown>>} variables */
    render: (variables) => inWords(() => rendered(parsed, variables)),
  };
}

/**
 * @param {Node} parsed
 * @param {Readonly<Record<string, unknown>>} variables
 */
function rendered(parsed, variables) {
  const environment = new Environment();
  const globals = {
    ...{ false: false, true: true, none: null, False: false, True: true, None: null },
    raise_exception: (/** @type {unknown} */ message) => {
      throw new Error(String(message));
    },
    range,
    strftime_now: timeAsWritten,
    ...variables,
  };
  for (const [name, value] of Object.entries(globals)) environment.set(name, value);
  return new /** @type {any} */ (Jinja2)(environment).run(parsed).value;
}

/**
 * Errors in words of templates, not of the engine.
 *
 * @template T
 * @param {() => T} work
 * @returns {T}
 */
function inWords(work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new Error("is nested too deeply");
    if (!(error instanceof Error)) throw error;
    throw new Error(error.message.replace(/\b([A-Z][a-z]+)(?:Value|Literal)\b/g, (_, kind) => kind.toLowerCase()));
  }
}

const LISTS = ["ArrayValue", "TupleValue", "StringValue", "ObjectValue"];
/** Tests that hold for other values than the engine's, by their types. @type {Readonly<Record<string, string[]>>} */
const TESTS = {
  number: ["IntegerValue", "FloatValue", "BooleanValue"],
  iterable: [...LISTS, "UndefinedValue"],
  sequence: [...LISTS, "UndefinedValue"],
};

/** Ends a turn of a loop, or the loop. */
class LoopControl extends Error {
  /** What the turn had written. */
  written = "";

  /** @param {string} type Break or Continue */
  constructor(type) {
    super(`${type.toLowerCase()} outside a loop`);
    this.type = type;
  }
}

class Jinja2 extends Interpreter {
  /**
   * @param {Node} node
   * @param {any} environment
   * @returns {any}
   */
  evaluate(node, environment) {
    const value = this.evaluated(node, environment);
    const size = typeof value.value === "string" || Array.isArray(value.value) ? value.value.length : 0;
    if (size > MAX_CHARACTERS) throw new Error(`makes a text or list of more than ${MAX_CHARACTERS} entries`);
    return value;
  }

  /**
   * @param {Node} node
   * @param {any} environment
   * @returns {any}
   */
  evaluated(node, environment) {
    switch (node?.type) {
      case "Known":
        return node.value;
      case "Program":
        return text(this.block(node.body, environment));
      case "If": {
        const holds = this.evaluate(node.test, environment).__bool__().value;
        return text(this.block(holds ? node.body : node.alternate, environment));
      }
      case "For":
        return this.loop(node, environment);
      case "Turn":
        return text(this.turn(node, environment));
      case "Block":
        return text(this.block(node.body, environment));
      case "Macro":
      case "CallStatement":
      case "FilterStatement":
      case "Set":
        return super.evaluate(changed(node, { body: node.body && [changed(node, { type: "Block" })] }), environment);
      case "FilterExpression":
        return this.filtered(node, environment);
      case "TestExpression":
        return this.tested(node, environment);
      case "Break":
      case "Continue":
        throw new LoopControl(node.type);
      case "MemberExpression": {
        const object = this.evaluate(node.object, environment);
        if (object.type === "UndefinedValue") throw new Error(`${nameOf(node.object)} is undefined`);
        const known = { object: { type: "Known", value: object } };
        if (object.type === "StringValue" && node.computed && node.property.type !== "SliceExpression") {
          const property = this.evaluate(node.property, environment);
          // Python counts characters, the engine halves of some.
          if (property.type === "IntegerValue") return made(Array.from(object.value).at(property.value));
          return super.evaluate(changed(node, { ...known, property: { type: "Known", value: property } }), environment);
        }
        return super.evaluate(changed(node, known), environment);
      }
      case "BinaryExpression":
        return this.operation(node, environment);
      default:
        return super.evaluate(node, environment);
    }
  }

  /**
   * What some statements write, one after another.
   *
   * @param {readonly Node[]} body
   * @param {any} environment
   */
  block(body, environment) {
    let written = "";
    for (const statement of body) {
      try {
        const value = this.evaluate(statement, environment);
        if (!SILENT.has(statement.type)) written += asWritten(value);
      } catch (error) {
        if (error instanceof LoopControl) error.written = written + error.written;
        throw error;
      }
      if (written.length > MAX_CHARACTERS) throw new Error(`writes more than ${MAX_CHARACTERS} characters`);
    }
    return written;
  }

  /**
   * @param {Node} node
   * @param {any} environment
   */
  loop(node, environment) {
    const state = { left: false, ended: false };
    const body = [changed(node, { type: "Turn", state })];
    const { value } = super.evaluate(changed(node, { body, defaultBlock: [] }), environment);
    // As jinja2 compiles it: where no turn has come to its end.
    return text(state.ended ? value : value + this.block(node.defaultBlock, environment));
  }

  /**
   * A turn of a loop. After a break the engine still goes through the others, which then write nothing.
   *
   * @param {Node} node
   * @param {any} environment
   */
  turn({ body, state }, environment) {
    if (state.left) return "";
    try {
      // What is set in a turn is gone in the next.
      const written = this.block(body, new Environment(environment));
      state.ended = true;
      return written;
    } catch (error) {
      if (!(error instanceof LoopControl)) throw error;
      state.left = error.type === "Break";
      return error.written;
    }
  }

  /**
   * @param {Node} node
   * @param {any} environment
   * @returns {any}
   */
  filtered(node, environment) {
    const operand = this.evaluate(node.operand, environment);
    switch (node.filter.value) {
      case "string":
        return text(asWritten(operand));
      case "capitalize":
        if (operand.type !== "StringValue") break;
        return text(operand.value.charAt(0).toUpperCase() + operand.value.slice(1).toLowerCase());
      case "length":
        if (operand.type === "StringValue") return made(Array.from(operand.value).length);
    }
    return super.evaluate(changed(node, { operand: { type: "Known", value: operand } }), environment);
  }

  /**
   * @param {Node} node
   * @param {any} environment
   * @returns {any}
   */
  tested(node, environment) {
    const operand = this.evaluate(node.operand, environment);
    const types = TESTS[node.test.value];
    if (types) return boolean(types.includes(operand.type) !== Boolean(node.negate));
    return super.evaluate(changed(node, { operand: { type: "Known", value: operand } }), environment);
  }

  /**
   * @param {Node} node
   * @param {any} environment
   * @returns {any}
   */
  operation(node, environment) {
    const operator = node.operator.value;
    if (operator === "and" || operator === "or") return super.evaluate(node, environment);
    const [left, right] = [node.left, node.right].map((side) => this.evaluate(side, environment));
    switch (operator) {
      case "==":
      case "!=":
        return boolean(same(left, right) === (operator === "=="));
      case "~":
        return text(asWritten(left) + asWritten(right));
      case "+":
        if ((left.type === "StringValue") !== (right.type === "StringValue"))
          throw new Error(`adds a ${kindOf(left)} and a ${kindOf(right)}`);
    }
    const known = { left: { type: "Known", value: left }, right: { type: "Known", value: right } };
    return super.evaluate(changed(node, known), environment);
  }
}

/** A part of a template with other fields; the engine looks at its class, too. @param {Node} node @param {object} fields */
function changed(node, fields) {
  return Object.assign(Object.create(Object.getPrototypeOf(node)), node, fields);
}

/** How jinja2 writes a value into its text. @param {Value} value @returns {string} */
function asWritten(value) {
  switch (value.type) {
    case "UndefinedValue":
      return "";
    case "NullValue":
      return "None";
    case "BooleanValue":
      return value.value ? "True" : "False";
    case "StringValue":
    case "IntegerValue":
    case "FloatValue":
      return value.toString();
    default:
      // Python would write its own form of them, which no prompt is meant to hold.
      throw new Error(`writes a ${kindOf(value)} where a text belongs`);
  }
}

/** @param {Value} a @param {Value} b @returns {boolean} */
function same(a, b) {
  if (Array.isArray(a.value) && Array.isArray(b.value))
    return (
      a.value.length === b.value.length &&
      a.value.every((/** @type {any} */ one, /** @type {number} */ i) => same(one, b.value[i]))
    );
  if (a.value instanceof Map && b.value instanceof Map)
    return (
      a.value.size === b.value.size &&
      [...a.value].every(([key, one]) => b.value.has(key) && same(one, b.value.get(key)))
    );
  const [x, y] = [a, b].map(({ value }) => (typeof value === "boolean" ? Number(value) : value));
  return x === y;
}

/** @param {string} value */
function text(value) {
  return made(value);
}

/** @param {boolean} value */
function boolean(value) {
  return made(value);
}

/**
 * A value of the engine, whose classes its package does not export.
 *
 * @param {string | boolean | number | undefined} value
 * @returns {any}
 */
function made(value) {
  const environment = new Environment();
  return environment.set("made", value);
}

/** @param {Value} value */
function kindOf(value) {
  return value.type
    .replace(/Value$/, "")
    .replace("Array", "List")
    .toLowerCase();
}

/** @param {Node} node @returns {string} */
function nameOf(node) {
  return node.type === "Identifier" ? node.value : "a value";
}
