import { SPACE, stripped } from "./template-texts.js";

/*
 * A chat template's source as tokens for the parser of @huggingface/jinja, cut as jinja2 3.1 cuts it with trim_blocks
 * and lstrip_blocks. The package's own cutting knows neither raw blocks nor the numbers and escapes of Python.
 */

/** @typedef {{ type: string, value: string, line: number, group?: number }} Token */

const RAW = new RegExp(`\\{%([-+]?)[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\})`, "y");
const RAW_END = new RegExp(`\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`, "g");
const OPENING = /\{([%{#])([-+]?)/g;
const COMMENT_END = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, "g");
const ENDS = {
  "%": new RegExp(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`, "y"),
  "{": new RegExp(`-\\}\\}[${SPACE}]*|\\}\\}`, "y"),
};
const BLANK = new RegExp(`[${SPACE}]+`, "y");
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const NAME = /[A-Za-z_]\w*/y;
const QUOTED = /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y;
const OPERATOR = /\*\*|\/\/|[<>=!]=|[-+*/%~<>=.:|,()[\]{}]/y;

/** The parser's names of operators. @type {Readonly<Record<string, string>>} */
const OPERATORS = {
  ...{ "(": "OpenParen", ")": "CloseParen", "[": "OpenSquareBracket", "]": "CloseSquareBracket" },
  ...{ "{": "OpenCurlyBracket", "}": "CloseCurlyBracket", ",": "Comma", ".": "Dot", ":": "Colon", "|": "Pipe" },
  ...{ "=": "Equals", "**": "ExponentiationBinaryOperator" },
  ...Object.fromEntries(["+", "-", "~"].map((sign) => [sign, "AdditiveBinaryOperator"])),
  ...Object.fromEntries(["*", "/", "//", "%"].map((sign) => [sign, "MultiplicativeBinaryOperator"])),
  ...Object.fromEntries(["<", ">", "<=", ">=", "==", "!="].map((sign) => [sign, "ComparisonBinaryOperator"])),
};
const CLOSING = { "(": ")", "[": "]", "{": "}" };

/** @param {string} written with line ends "\n" @returns {Token[]} @throws Error naming the line */
export function tokensOf(written) {
  const source = written.replace(/\n$/, "");
  /** @type {Token[]} */
  const tokens = [];
  let position = 0;
  /** Whether what stands at the position begins a line. */
  let begins = true;
  /** Of brackets: operators of one number stand side by side. */
  let groups = 0;
  const lines = lineCounter(source);
  const add = (/** @type {string} */ type, /** @type {string} */ value, /** @type {number} */ group = 0) =>
    tokens.push({ type, value, line: lines(position), group });

  /** Adds text up to a tag. @param {string} text @param {string} sign @param {boolean} block */
  const addText = (text, sign, block) => {
    let kept = text;
    if (sign === "-") kept = stripped(text, "end");
    else if (sign === "" && block) {
      const start = text.lastIndexOf("\n") + 1;
      const blank = matched(BLANK, text, start)?.length === text.length - start;
      if ((start > 0 || begins) && blank) kept = text.slice(0, start);
    }
    if (kept !== "") add("Text", kept);
  };
  /** @param {string} passed */
  const pass = (passed) => {
    position += passed.length;
    begins = passed.endsWith("\n");
  };

  while (position < source.length) {
    const opening = next(OPENING, source, position);
    if (!opening) {
      add("Text", source.slice(position));
      break;
    }
    const raw = opening[1] === "%" ? matched(RAW, source, opening.index) : undefined;
    addText(source.slice(position, opening.index), opening[2], opening[1] !== "{");
    position = opening.index;
    if (raw !== undefined) {
      pass(raw);
      const end = next(RAW_END, source, position);
      if (!end) throw new Error(`line ${lines(position)}: the raw block has no end`);
      addText(source.slice(position, end.index), end[1], true);
      position = end.index;
      pass(end[0]);
    } else if (opening[1] === "#") {
      const end = next(COMMENT_END, source, position + opening[0].length);
      if (!end) throw new Error(`line ${lines(position)}: the comment has no end`);
      position = end.index;
      pass(end[0]);
    } else readTag(/** @type {"%" | "{"} */ (opening[1]), opening[0].length);
  }
  return tokens;

  /** @param {"%" | "{"} kind @param {number} length of its beginning */
  function readTag(kind, length) {
    add(kind === "%" ? "OpenStatement" : "OpenExpression", `{${kind}`);
    position += length;
    /** @type {{ closes: string, group: number }[]} */
    const open = [{ closes: "", group: ++groups }];
    for (;;) {
      const { closes, group } = open[open.length - 1];
      const end = open.length === 1 ? matched(ENDS[kind], source, position) : undefined;
      if (end !== undefined) {
        add(kind === "%" ? "CloseStatement" : "CloseExpression", kind === "%" ? "%}" : "}}");
        return pass(end);
      }
      const token = tokenAt(source, position);
      if (!token) {
        const character = String.fromCodePoint(source.codePointAt(position) ?? 0);
        const reason =
          position < source.length ? `is not understood at ${JSON.stringify(character)}` : "a tag has no end";
        throw new Error(`line ${lines(position)}: ${reason}`);
      }
      const { length, type, value } = token;
      if (type === "Identifier") addName(value, group);
      else if (type) add(type, value, group);
      position += length;
      if (value in CLOSING && type !== "StringLiteral")
        open.push({ closes: CLOSING[/** @type {keyof CLOSING} */ (value)], group: ++groups });
      else if (type.startsWith("Close") && open.length > 1) {
        if (value !== closes) throw new Error(`line ${lines(position)}: ${value} closes what ${closes} should`);
        open.pop();
      }
    }
  }

  /** @param {string} name @param {number} group */
  function addName(name, group) {
    const last = tokens[tokens.length - 1];
    // The parser makes an operator of its own from the two words, which would lose the group.
    if (name === "in" && last.type === "Identifier" && last.value === "not") {
      Object.assign(last, { type: "ComparisonBinaryOperator", value: "not in", group });
    } else if (last.type === "OpenStatement" && /^(?:end)?generation$/.test(name)) {
      // transformers' tag for what an assistant writes: a block with variables of its own.
      add("Identifier", name.replace("generation", "filter"));
      if (name === "generation") add("Identifier", "string");
    } else add("Identifier", name, group);
  }
}

/** @param {string} source @param {number} at @returns {{ type: string, value: string, length: number } | undefined} */
function tokenAt(source, at) {
  const token = (/** @type {string} */ type, /** @type {string} */ found, value = found) => ({
    ...{ type, value, length: found.length },
  });
  const blank = matched(BLANK, source, at);
  if (blank !== undefined) return token("", blank, "");
  const float = matched(FLOAT, source, at);
  if (float !== undefined) {
    const [digits, exponent] = float.replaceAll("_", "").toLowerCase().split("e");
    const whole = digits.includes(".") ? digits : `${digits}.0`;
    return token("NumericLiteral", float, exponent === undefined ? whole : `${whole}e${exponent}`);
  }
  const integer = matched(INTEGER, source, at);
  if (integer !== undefined) return token("NumericLiteral", integer, String(Number(integer.replaceAll("_", ""))));
  const name = matched(NAME, source, at);
  if (name !== undefined) return token("Identifier", name);
  const quoted = matched(QUOTED, source, at);
  if (quoted !== undefined) return token("StringLiteral", quoted, unescaped(quoted.slice(1, -1)));
  const operator = matched(OPERATOR, source, at);
  return operator === undefined ? undefined : token(OPERATORS[operator] ?? "", operator);
}

/** @type {Readonly<Record<string, string>>} */
const ESCAPES = { "\n": "", a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** A text as Python reads it between quotes. @param {string} text */
function unescaped(text) {
  return text.replace(
    /\\(?:x([\s\S]{0,2})|u([\s\S]{0,4})|U([\s\S]{0,8})|([0-7]{1,3})|([\s\S]))/g,
    (written, two, four, eight, octal, character) => {
      const hex = two ?? four ?? eight;
      if (hex !== undefined) {
        const code = Number.parseInt(hex, 16);
        const valid =
          /^[\da-f]+$/i.test(hex) && written.length === { x: 4, u: 6, U: 10 }[/** @type {string} */ (written[1])];
        if (!valid || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
          throw new Error(`has the escape ${written}, which is no character`);
        return String.fromCodePoint(code);
      }
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      if (character === "N") throw new Error("has an escape \\N, which is not supported");
      if (/['"\\]/.test(character)) return character;
      return ESCAPES[character] ?? written;
    },
  );
}

/** What a sticky expression finds at a place. @param {RegExp} pattern @param {string} text @param {number} at */
function matched(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** @param {RegExp} pattern @param {string} text @param {number} from */
function next(pattern, text, from) {
  pattern.lastIndex = from;
  return pattern.exec(text);
}

/** Counts lines up to places that only grow. @param {string} source @returns {(position: number) => number} */
function lineCounter(source) {
  let [line, at] = [1, 0];
  return (position) => {
    for (; at < position; at++) if (source[at] === "\n") line++;
    return line;
  };
}
