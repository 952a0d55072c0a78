import { floatText, textOrder } from "./template-texts.js";
import { bound, holds, integer, kindOf, sizeOf, text, textOf, wholeOf } from "./template-values.js";

/*
 * The filter tojson, which transformers replaces by Python's json.dumps.
 */

/** @typedef {import("./template-values.js").Value} Value */
/** @typedef {{ ascii: boolean, indent: string | undefined, separators: readonly string[], sorted: boolean }} Settings */

/** @param {Value} value @param {Value[]} args @param {ReadonlyMap<string, Value>} named */
export function toJson(value, args, named) {
  const given = bound("tojson", args, named, ["ensure_ascii", "indent", "separators", "sort_keys"]);
  const has = (/** @type {string} */ name) => given[name] !== undefined && given[name].type !== "NullValue";
  const indent = has("indent") ? indentOf(given.indent) : undefined;
  if (has("separators") && sizeOf(given.separators) !== 2) throw new Error("gives tojson other than two separators");
  const settings = {
    ascii: has("ensure_ascii") && holds(given.ensure_ascii),
    indent,
    separators: has("separators")
      ? given.separators.value.map((/** @type {Value} */ one) => textOf(one, "tojson"))
      : [indent === undefined ? ", " : ",", ": "],
    sorted: has("sort_keys") && holds(given.sort_keys),
  };
  return text(written(value, settings, "\n"));
}

/** @param {Value} value */
function indentOf(value) {
  if (value.type === "StringValue") return value.value;
  return " ".repeat(Math.min(100, Math.max(0, wholeOf(value, "tojson"))));
}

/** @param {Value} value @param {Settings} settings @param {string} line the line end before what stands outside @returns {string} */
function written(value, settings, line) {
  switch (value.type) {
    case "NullValue":
      return "null";
    case "BooleanValue":
      return String(value.value);
    case "IntegerValue":
      return String(integer(value.value).value);
    case "FloatValue":
      return floatText(value.value);
    case "StringValue":
      return quotedJson(value.value, settings.ascii);
    case "ArrayValue":
    case "TupleValue": {
      const inner = line + (settings.indent ?? "");
      return enclosed(
        "[]",
        value.value.map((/** @type {Value} */ one) => written(one, settings, inner)),
        settings,
        line,
      );
    }
    case "ObjectValue": {
      const inner = line + (settings.indent ?? "");
      const entries = [...value.value];
      if (settings.sorted) entries.sort(([a], [b]) => textOrder(a, b));
      const all = entries.map(
        ([key, one]) => quotedJson(key, settings.ascii) + settings.separators[1] + written(one, settings, inner),
      );
      return enclosed("{}", all, settings, line);
    }
    default:
      throw new Error(`writes a ${kindOf(value)} as JSON`);
  }
}

/** @param {string} brackets @param {string[]} parts @param {Settings} settings @param {string} line */
function enclosed([opening, closing], parts, { indent, separators }, line) {
  if (indent === undefined || parts.length === 0) return opening + parts.join(separators[0]) + closing;
  return opening + line + indent + parts.join(separators[0] + line + indent) + line + closing;
}

/** @param {string} value @param {boolean} ascii */
function quotedJson(value, ascii) {
  const json = JSON.stringify(value);
  if (!ascii) return json;
  return json.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
