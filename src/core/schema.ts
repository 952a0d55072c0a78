import type { ZodType, z } from "zod";
import { NuwaError } from "./errors.ts";

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
  const standard = new Set<unknown>();
  const error: z.core.$ZodErrorMap = (issue) => {
    const message = inWords(issue);
    standard.add(message);
    return message;
  };
  const result = schema.safeParse(value, { error });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue.path.map(String).join(".");
  const what = `${where}: ${field ? `field "${field}": ` : ""}${issue.message}.`;
  throw new NuwaError(standard.has(issue.message) ? `${what} ${remedy}` : what);
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
function inWords(issue: z.core.$ZodRawIssue): string {
  if (issue.code === "unrecognized_keys") return `has unknown fields: ${issue.keys.map(shown).join(", ")}`;
  const { input } = issue;
  const found = input === undefined ? "but is missing" : `not ${shown(input)}`;
  return `must be ${wanted(issue as z.core.$ZodIssue)}, ${found}`;
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
function wanted(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return TYPES[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.map((value) => shown(value)).join(" or ");
    case "too_small":
      return amount(issue.origin, issue.exact ? "" : issue.inclusive ? "at least " : "more than ", issue.minimum);
    case "too_big":
      return amount(issue.origin, issue.exact ? "" : issue.inclusive ? "at most " : "less than ", issue.maximum);
    case "invalid_format":
      return issue.pattern === undefined
        ? `a text of the kind ${issue.format}`
        : `a text that matches ${issue.pattern}`;
    case "invalid_union":
      return [...new Set(issue.errors.map(([first]) => wantedInside(first)))].join(" or ");
    default:
      return "another value";
  }
}

/** What one of several schemas takes, which may have found something wrong inside the value only. */
function wantedInside(issue: z.core.$ZodIssue): string {
  const { path } = issue;
  return path.length > 0 ? `a value with ${wanted(issue)} at "${path.map(String).join(".")}"` : wanted(issue);
}

/** How many, of what a schema counts. */
function amount(origin: string, bound: string, count: number | bigint): string {
  if (origin === "array") return `a list of ${bound}${count} ${count === 1 ? "entry" : "entries"}`;
  if (origin === "string") return `a text of ${bound}${count} ${count === 1 ? "character" : "characters"}`;
  return `${bound}${count}`;
}

/** A value of a JSON file as text that fits into a line. */
export function shown(value: unknown): string {
  if (value === undefined) return "a missing value";
  // 1e999 in a file is Infinity, which JSON cannot write.
  const text = typeof value === "number" ? `${value}` : (JSON.stringify(value) ?? `a ${typeof value}`);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
