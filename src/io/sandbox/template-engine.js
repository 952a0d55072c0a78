import { Expressions } from "./template-expressions.js";
import { loopState, raise, range, timeAsWritten } from "./template-functions.js";
import { parsed } from "./template-parser.js";
import {
  asWritten,
  callable,
  Environment,
  holds,
  itemsOf,
  kindOf,
  list,
  MAX_SIZE,
  NONE,
  text,
} from "./template-values.js";

/*
 * Chat templates as transformers renders them: jinja2 in a sandbox, with loop controls. @huggingface/jinja parses them
 * and handles their names and macros; what values are and do is Python's here, as it reads much of it otherwise.
 * What is not known to be alike is refused.
 */

/** @typedef {any} Node a part of a parsed template */
/** @typedef {import("./template-values.js").Value} Value */

/** The parts of a template that write no text themselves. */
const SILENT = new Set(["Set", "Macro"]);

/** @param {{ source: string }} file */
export function openTemplate({ source }) {
  const program = notTooDeep(() => parsed(source));
  return {
    /** @param {Readonly<Record<string, unknown>>} variables */
    render(variables) {
      const environment = new Environment();
      const globals = { false: false, true: true, none: null, False: false, True: true, None: null, ...variables };
      for (const [name, value] of Object.entries(globals)) environment.set(name, value);
      markParts(environment.lookupVariable("messages"));
      const functions = {
        raise_exception: callable(raise),
        range: callable(range),
        strftime_now: callable(timeAsWritten),
      };
      for (const [name, value] of Object.entries(functions)) environment.setVariable(name, value);
      return notTooDeep(() => new /** @type {any} */ (Jinja2)(environment).run(program).value);
    },
  };
}

/** @template T @param {() => T} work @returns {T} */
function notTooDeep(work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError)
      throw new Error("its parts, or the calls of its macros, stand too deep in each other");
    throw error;
  }
}

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

class Jinja2 extends Expressions {
  /**
   * @override
   * @param {Node} node
   * @param {any} environment
   * @returns {any}
   */
  evaluate(node, environment) {
    switch (node?.type) {
      case "Program":
      case "Block":
        return text(this.block(node.body, environment));
      case "If":
        return text(this.block(holds(this.evaluate(node.test, environment)) ? node.body : node.alternate, environment));
      case "For":
        return this.loop(node, environment);
      case "Set":
        return this.set(node, environment);
      case "Macro":
        return this.macro(node, environment);
      case "CallStatement":
        return super.evaluate(changed(node, { body: [changed(node, { type: "Block" })] }), environment);
      case "FilterStatement":
        return this.filter(node, this.captured(node.body, environment), environment);
      case "Break":
      case "Continue":
        throw new LoopControl(node.type);
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
      if (written.length > MAX_SIZE) throw new Error(`writes more than ${MAX_SIZE} characters`);
    }
    return written;
  }

  /**
   * What statements write for a name or a filter, with variables of their own. A loop that ends in it loses it.
   *
   * @param {readonly Node[]} body
   * @param {any} environment
   */
  captured(body, environment) {
    try {
      return text(this.block(body, new Environment(environment)));
    } catch (error) {
      if (error instanceof LoopControl) error.written = "";
      throw error;
    }
  }

  /**
   * @param {Node} node
   * @param {any} environment
   */
  loop(node, environment) {
    const isSelect = node.iterable.type === "SelectExpression";
    const all = itemsOf(this.evaluate(isSelect ? node.iterable.lhs : node.iterable, environment));
    const items = all.filter((item) => {
      if (!isSelect) return true;
      const scope = new Environment(environment);
      this.assign(node.loopvar, item, scope);
      return holds(this.evaluate(node.iterable.test, scope));
    });
    let [written, ended] = ["", false];
    for (const [i, item] of items.entries()) {
      // What is set in a turn is gone in the next.
      const scope = new Environment(environment);
      scope.setVariable("loop", loopState(items, i));
      this.assign(node.loopvar, item, scope);
      try {
        written += this.block(node.body, scope);
        ended = true;
      } catch (error) {
        if (!(error instanceof LoopControl)) throw error;
        written += error.written;
        if (error.type === "Break") break;
      }
      if (written.length > MAX_SIZE) throw new Error(`writes more than ${MAX_SIZE} characters`);
    }
    // As jinja2 compiles it: where no turn has come to its end.
    return text(ended ? written : written + this.block(node.defaultBlock, new Environment(environment)));
  }

  /**
   * @param {Node} node
   * @param {any} environment
   */
  set(node, environment) {
    const value = node.value ? this.evaluate(node.value, environment) : this.captured(node.body, environment);
    this.assign(node.assignee, value, environment);
    return NONE;
  }

  /**
   * @param {Node} target a name, several, or one of a namespace
   * @param {Value} value
   * @param {any} environment
   */
  assign(target, value, environment) {
    if (target.type === "Identifier") environment.setVariable(target.value, value);
    else if (target.type === "TupleLiteral") {
      const values = itemsOf(value);
      if (values.length !== target.value.length)
        throw new Error(`gives ${target.value.length} names ${values.length} values`);
      for (const [i, one] of target.value.entries()) this.assign(one, values[i], environment);
    } else if (target.type === "MemberExpression" && !target.computed) {
      const object = this.evaluate(target.object, environment);
      if (object.type !== "NamespaceValue")
        throw new Error(`sets a part of a ${kindOf(object)}, which is no namespace`);
      object.value.set(target.property.value, value);
    } else throw new Error("sets what is neither a name nor a part of a namespace");
  }

  /**
   * @param {Node} node
   * @param {any} environment
   */
  macro(node, environment) {
    super.evaluate(changed(node, { body: [changed(node, { type: "Block" })] }), environment);
    const made = environment.lookupVariable(node.name.value);
    const work = made.value;
    made.value = (/** @type {Value[]} */ args, /** @type {any} */ caller) => {
      // It sees the names where it stands, not those where it is called; from there it has its caller alone.
      const scope = new Environment(environment);
      if (caller.variables.has("caller")) scope.setVariable("caller", caller.variables.get("caller"));
      return work(args, scope);
    };
    return NONE;
  }

  /** @param {...any} all */
  bindMacroArguments(...all) {
    super.bindMacroArguments(...all);
    const { variables } = all[4];
    if (all[2].has("varargs")) variables.set("varargs", list("Tuple", variables.get("varargs").value));
  }
}

/**
 * Marks the texts and images of messages: a template that writes them as Python writes dictionaries takes them for a
 * text, and is to be given one.
 *
 * @param {Value} messages
 */
function markParts(messages) {
  if (messages.type !== "ArrayValue") return;
  for (const message of messages.value) {
    const content = message.type === "ObjectValue" ? message.value.get("content") : undefined;
    if (content?.type !== "ArrayValue") continue;
    for (const part of content.value) part.isPart = true;
  }
}

/** A part of a template with other fields; the engine looks at its class, too. @param {Node} node @param {object} fields */
function changed(node, fields) {
  return Object.assign(Object.create(Object.getPrototypeOf(node)), node, fields);
}
