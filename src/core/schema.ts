import type { ZodType, z } from "zod";
import { NuwaError, printable } from "./errors.ts";

/** What helps with every file that does not hold what it should. */
export const REMEDY = "Mend it, or get the file anew from where it came.";

/**
 * Checks a value against a schema.
 *
 * @param remedy what to do where the schema itself does not say what it takes
 * @throws NuwaError with `where`, the path of the first wrong field, what was expected there and the remedy
 */
export function checkSchema<T>(where: string, value: unknown, schema: ZodType<T>, remedy = REMEDY): T {
  // A schema's own messages say what it takes; zod's are said in other words here.
  const standard: Standard = new Map();
  const error: z.core.$ZodErrorMap = (issue) => {
    // A list of a million wrong entries has as many issues, and only the first is told.
    if (standard.size >= MOST_ISSUES) return "is wrong";
    const takes = issue.code === "unrecognized_keys" ? "" : wanted(issue as z.core.$ZodIssue, standard, isTuple(issue));
    const message = inWords(issue, takes);
    standard.set(message, takes);
    return message;
  };
  const result = schema.safeParse(value, { error });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = pathOf(issue);
  const what = `${where}: ${field ? `field "${field}": ` : ""}${issue.message}.`;
  throw new NuwaError(standard.has(issue.message) ? `${what} ${remedy}` : what);
}

/** Messages in the words of this file, and what each says that the schema takes. */
type Standard = Map<string, string>;

const MOST_ISSUES = 1000;

/** Keys of a file are a part of the path. */
function pathOf({ path }: z.core.$ZodIssue): string {
  return printable(
    cut(
      path
        .slice(0, DEEPEST * 2)
        .map((key) => cut(String(key)))
        .join("."),
    ),
  );
}

/**
 * The error of a value of a schema that takes few: it names the value and what is supported.
 *
 * @param what what is supported: `"silu"`
 */
export function only(what: string): { error: z.core.$ZodErrorMap } {
  return { error: ({ input }) => `${shown(input)} is not supported, only ${what}` };
}

/** What a value that a schema does not take must be, and what it is: "must be a number, not \"1\"". */
function inWords(issue: z.core.$ZodRawIssue, takes: string): string {
  if (issue.code === "unrecognized_keys") {
    const [keys, more] = [issue.keys.slice(0, 5).map(shown), issue.keys.length - 5];
    return `has unknown fields: ${keys.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  }
  const { input } = issue;
  const found = input === undefined ? "but is missing" : `not ${shown(input)}`;
  return `must be ${takes}, ${found}`;
}

/** A list of fixed length; zod says `exact` of others only. */
function isTuple({ inst }: z.core.$ZodRawIssue): boolean {
  return (inst as z.core.$ZodType | undefined)?._zod.def.type === "tuple";
}

/** zod's names of types in words. */
const TYPES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "an object",
  record: "an object",
  null: "null",
};

/** What a schema takes where it found something else. */
function wanted(issue: z.core.$ZodIssue, standard: Standard, tuple: boolean): string {
  switch (issue.code) {
    case "invalid_type":
      return TYPES[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.map((value) => shown(value)).join(" or ");
    case "too_small":
      return amount(issue, issue.inclusive ? "at least " : "more than ", issue.minimum, tuple);
    case "too_big":
      return amount(issue, issue.inclusive ? "at most " : "less than ", issue.maximum, tuple);
    case "invalid_format":
      return issue.pattern === undefined
        ? `a text of the kind ${issue.format}`
        : `a text that matches ${issue.pattern}`;
    case "invalid_union":
      return [...new Set(issue.errors.map(([first]) => wantedInside(first, standard)))].join(" or ");
    default:
      return "another value";
  }
}

/** What one of several schemas takes, which may have found something wrong inside the value only. */
function wantedInside(issue: z.core.$ZodIssue, standard: Standard): string {
  const takes = standard.get(issue.message) ?? wanted(issue, standard, false);
  return issue.path.length > 0 ? `a value with ${takes} at "${pathOf(issue)}"` : takes;
}

/** How many, of what a schema counts. */
function amount(
  { origin, exact }: { readonly origin: string; readonly exact?: boolean },
  bound: string,
  count: number | bigint,
  tuple: boolean,
): string {
  const number = `${exact || tuple ? "" : bound}${count}`;
  if (origin === "array") return `a list of ${number} ${count === 1 ? "entry" : "entries"}`;
  if (origin === "string") return `a text of ${number} ${count === 1 ? "character" : "characters"}`;
  return number;
}

/** Characters of a value that are shown. */
const LONGEST = 100;
const LONGEST_REASON = 400;
/** Lists and objects inside each other that are shown. */
const DEEPEST = 8;

/**
 * A value of a file as text that fits into a line, whatever it is: at most 100 characters, and as deep as a
 * configuration is; what a terminal could act on is escaped.
 */
export function shown(value: unknown): string {
  return value === undefined ? "a missing value" : cut(printable(brief(value, DEEPEST)));
}

/** A name of a file (a key, an option) as {@link shown} has it, without quotes. */
export function shownName(name: string): string {
  return cut(printable(cut(name)));
}

/** What a library or a template says is wrong, which may quote what a file holds: a line of at most 400 characters. */
export function shownReason(text: string): string {
  return cut(printable(cut(text.trim().replace(/\s+/g, " "), LONGEST_REASON)), LONGEST_REASON);
}

/** JSON, as far as it will be shown: neither long nor deep values cost more than what is seen of them. */
function brief(value: unknown, depth: number): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, LONGEST));
  // 1e999 in a file is Infinity, which JSON cannot write.
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  let text = "";
  for (const part of depth === 0 ? ["…"] : parts(value, depth - 1)) {
    if (text.length > LONGEST) break;
    text += text === "" ? part : `,${part}`;
  }
  return Array.isArray(value) ? `[${text}]` : `{${text}}`;
}

/** What is between the brackets, one by one. */
function* parts(value: object, depth: number): Generator<string> {
  if (Array.isArray(value)) for (const item of value) yield brief(item, depth);
  else
    for (const key in value)
      yield `${brief(key, depth)}:${brief((value as Readonly<Record<string, unknown>>)[key], depth)}`;
}

/** The beginning of a text that is too long, without half a character at its end. */
function cut(text: string, longest = LONGEST): string {
  return text.length > longest ? `${text.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, "")}…` : text;
}
