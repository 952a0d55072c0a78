import { shown } from "../core/schema.ts";

/*
 * Regular expressions of tokenizers are Oniguruma's. @huggingface/tokenizers rewrites them for JavaScript, but drops
 * what JavaScript lacks (possessive quantifiers, atomic groups) and folds only ASCII letters. Here is what it reads as
 * Oniguruma does; the rest is refused. Compared by random patterns and texts with the Python library tokenizers 0.23.
 */

const ESCAPED_CLASSES = "sSdDwWrntf";
/** General categories, and the scripts that tokenizers name. */
const PROPERTIES = new Set(
  (
    "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Co " +
    "Han Hiragana Katakana Hangul Latin Greek Cyrillic Arabic Hebrew Thai Devanagari"
  ).split(" "),
);
const GROUPS = ["(?:", "(?=", "(?!", "(?<=", "(?<!"];
/** What a group that ignores case may hold: literals and alternatives. */
const FOLDED = /^\(\?i:([A-Za-z'’ |]+)\)/;
/** Pairs of letters that are one letter in another case: ß, ﬀ, ﬁ, ﬂ, ﬅ. */
const PAIRS = /ss|ff|fi|fl|st/i;
/** Letters that are another case of an ASCII letter. */
const OTHER_CASES: Readonly<Record<string, string>> = { s: "ſ", k: "\u212a" };

/**
 * A pattern in the form that the library reads as Oniguruma does.
 *
 * @returns the pattern, or why there is none
 */
export function readablePattern(source: string): { readonly pattern: string } | { readonly problem: string } {
  let pattern = "";
  let quantifiable = false;
  for (let i = 0; i < source.length; ) {
    const rest = source.slice(i);
    const quantifier = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/.exec(rest)?.[0];
    if (quantifier !== undefined) {
      const next = rest[quantifier.length] ?? "";
      if (!quantifiable || /[*+?]/.test(next) || quantifier.endsWith("}?"))
        return unsupported(`${quantifier}${next.trim()}`);
      [pattern, i, quantifiable] = [pattern + quantifier, i + quantifier.length, false];
      continue;
    }
    const atom = atomAt(rest);
    if ("problem" in atom) return atom;
    pattern += atom.pattern;
    i += atom.length;
    quantifiable = atom.quantifiable;
  }
  try {
    // Groups that are not closed, ranges the wrong way round.
    if (new RegExp(pattern, "u").test("")) return { problem: "finds empty texts, which is not supported" };
  } catch {
    return { problem: "is not a regular expression" };
  }
  return { pattern };
}

interface Atom {
  readonly pattern: string;
  /** Of what it stands for in the source. */
  readonly length: number;
  readonly quantifiable: boolean;
}

/** The next part of a pattern that is not a quantifier. */
function atomAt(rest: string): Atom | { readonly problem: string } {
  const plain = (text: string, quantifiable = true): Atom => ({ pattern: text, length: text.length, quantifiable });
  switch (rest[0]) {
    case "\\":
      return escapeAt(rest) ?? unsupported(/^\\(?:[pP]\{[^}]*\}|.?)/u.exec(rest)?.[0] ?? "\\");
    case "[":
      return classAt(rest);
    case "(": {
      const folded = FOLDED.exec(rest);
      if (folded && !PAIRS.test(folded[1]))
        return {
          pattern: `(?:${folded[1].replace(/[A-Za-z]/g, bothCases)})`,
          length: folded[0].length,
          quantifiable: true,
        };
      const group = GROUPS.find((start) => rest.startsWith(start));
      if (group === undefined && rest[1] === "?") return unsupported(/^\(\?[^:]{0,8}:?/.exec(rest)?.[0] ?? "(?");
      return plain(group ?? "(", false);
    }
    case "|":
    case "^":
    case "$":
      return plain(rest[0], false);
    case "{":
    case "}":
    case "]":
      return { pattern: `\\${rest[0]}`, length: 1, quantifiable: true };
    default:
      return plain(String.fromCodePoint(rest.codePointAt(0) as number));
  }
}

/** An escape at the beginning of a text. @returns undefined where it is none that is known */
function escapeAt(rest: string): Atom | undefined {
  const property = /^\\[pP]\{(\w+)\}/.exec(rest);
  if (property) return PROPERTIES.has(property[1]) ? atom(property[0]) : undefined;
  const next = rest[1];
  if (next === undefined || (/[\w]/.test(next) && !ESCAPED_CLASSES.includes(next)) || next > "~") return undefined;
  return atom(rest.slice(0, 2));
}

function atom(text: string): Atom {
  return { pattern: text, length: text.length, quantifiable: true };
}

/** A class of characters. Classes inside it, and intersections, are not read. */
function classAt(rest: string): Atom | { readonly problem: string } {
  const start = rest.startsWith("[^") ? 2 : 1;
  for (let i = start; i < rest.length; ) {
    if (rest[i] === "]" && i > start) return atom(rest.slice(0, i + 1));
    if (rest[i] === "]" || rest[i] === "[" || rest.startsWith("&&", i)) return unsupported(rest.slice(0, i + 2));
    if (rest[i] !== "\\") i++;
    else {
      const escaped = escapeAt(rest.slice(i));
      if (!escaped) return unsupported(rest.slice(i, i + 2));
      i += escaped.length;
    }
  }
  return { problem: "is not a regular expression" };
}

function bothCases(letter: string): string {
  const [lower, upper] = [letter.toLowerCase(), letter.toUpperCase()];
  return `[${lower}${upper}${OTHER_CASES[lower] ?? ""}]`;
}

function unsupported(what: string): { readonly problem: string } {
  return { problem: `holds ${shown(what)}, which is not supported` };
}
