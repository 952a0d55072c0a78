import { printable } from "../core/errors.ts";

/** An SVG element as text; numbers are written as they are, other values of attributes are escaped. */
export function element(name: string, attributes: Readonly<Record<string, string | number>>, content?: string): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? value : escaped(value)}"`)
    .join("");
  return content === undefined ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
}

/**
 * Any text as content of an SVG element or value of an attribute: questions, answers and names of files come from
 * others. Characters that XML does not allow become escapes that can be read, line breaks become spaces.
 */
export function escaped(text: string): string {
  return escapedLines(text.replace(/\s+/g, " "));
}

/** The same with its white space, for text that is shown as it is written. */
export function escapedLines(text: string): string {
  return printable(text.replace(/[\ufffe\uffff]/g, "\ufffd")).replace(/[&<>"]/g, (character) => ENTITIES[character]);
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
