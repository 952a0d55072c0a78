import { type ZodType, z } from "zod";
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
  // A schema's own messages say what it takes; those of zod are asked for here.
  const standard = new Set<unknown>();
  const error: z.core.$ZodErrorMap = (issue) => {
    const found = z.config().localeError?.(issue);
    const message = typeof found === "string" ? found : found?.message;
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

/** A value of a JSON file as text that fits into a line. */
export function shown(value: unknown): string {
  const text = value === undefined ? "a missing value" : JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
