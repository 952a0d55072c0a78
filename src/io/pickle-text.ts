/**
 * The arguments of a pickle that are written as text, in protocol 0: what Python's reader takes, and nothing that it
 * would read otherwise.
 *
 * Source: CPython, Lib/pickle.py.
 */

/** @param truth whether 00 and 01 are False and True, as in the instruction for integers */
export function integerLine(text: string, truth = true): number | boolean {
  if (truth && (text === "00" || text === "01")) return text === "01";
  const value = Number(text);
  if (!/^(0|-?[1-9]\d*)$/.test(text) || !Number.isSafeInteger(value)) throw new Error("a number is no integer");
  return value;
}

/** A float, as Python's repr writes it. */
export function numberLine(text: string): number {
  if (!/^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(text)) throw new Error("a number is not finite, or none");
  return finite(Number(text));
}

/** Refuses NaN and infinities, which no table holds. */
export function finite(value: number): number {
  if (!Number.isFinite(value)) throw new Error("a number is not finite");
  return value;
}

/** What stands behind a backslash in a literal of Python 2, but for numbers. */
const SIMPLE: Readonly<Record<string, string>> = {
  ...{ n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b", f: "\f", v: "\v", "\\": "\\", "'": "'", '"': '"' },
};

/** A string literal of Python 2; its bytes are taken for UTF-8. */
export function quoted(text: string): string {
  const quote = text[0];
  if ((quote !== "'" && quote !== '"') || text.length < 2 || !text.endsWith(quote))
    throw new Error("a text has no quotes");
  const bytes = text.slice(1, -1).replace(/\\(x[0-9a-f]{2}|.|$)/gis, (_, code: string) => {
    if (code.length === 3) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (!Object.hasOwn(SIMPLE, code)) throw new Error("a text holds an unknown escape");
    return SIMPLE[code];
  });
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Latin-1, with \\uXXXX and \\UXXXXXXXX, behind an odd number of backslashes, for other characters. */
export function escaped(text: string): string {
  const form = /\\\\|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\[uU]/g;
  return text.replace(form, (all, short?: string, long?: string) => {
    const digits = short ?? long;
    if (digits === undefined && all !== "\\\\") throw new Error("a text holds half an escape");
    const code = Number.parseInt(digits ?? "", 16);
    if (code > 0x10ffff) throw new Error("a text holds a character beyond Unicode");
    return digits === undefined ? all : String.fromCodePoint(code);
  });
}
