/** What a terminal may act on, or what hides or reorders the text beside it. */
const UNSAFE =
  // Control characters but for the line break and the tab; halves of a pair alone; line separators; overrides of the
  // direction of writing; tags, which are not seen.
  /[^\P{Cc}\n\t]|\p{Cs}|[\u2028-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/gu;

/** Text that may hold anything, made safe to print on a terminal: control characters become escapes. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) as number;
    const digits = code.toString(16);
    if (code < 0x100) return `\\x${digits.padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\u{${digits}}`;
  });
}

/**
 * JSON that is safe to print on a terminal: what JSON may leave as it is, such as U+0080 to U+009F, becomes JSON's own
 * escapes, so that it reads as the same value.
 *
 * @param indent spaces; without them it is one line
 */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNSAFE, (character) =>
    Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
      .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/** An error's line has at most so many characters; paths are the longest that belongs into one. */
const LONGEST_LINE = 6000;

/** The beginning and the end, which holds the remedy, of a text that is too long. */
function shortened(text: string): string {
  if (text.length <= LONGEST_LINE) return text;
  return `${text.slice(0, LONGEST_LINE - 1000)} … ${text.slice(-996)}`;
}

/**
 * An error that a user can understand and mend: one line that names the file, the field and the
 * remedy. The command line prints its message without a stack trace and exits with `exitCode`.
 */
export class NuwaError extends Error {
  override readonly name: string = "NuwaError";
  /** Process exit code: 1 for anything wrong with files, models or the machine. */
  readonly exitCode: number = 1;

  /** Line breaks, control characters and long texts of files and other libraries do not reach the terminal. */
  constructor(message: string) {
    super(printable(shortened(message).replace(/\s*[\r\n\t]\s*/g, " ")));
  }
}

/** A {@link NuwaError} about NaN or infinite values where numbers are needed. */
export class NonFiniteError extends NuwaError {
  override readonly name: string = "NonFiniteError";
}

/** A {@link NuwaError} about work that was stopped because it took more time or memory than it may. */
export class LimitError extends NuwaError {
  override readonly name: string = "LimitError";
}

/** A {@link NuwaError} about how something was asked for (an option, an argument): exit code 2. */
export class UsageError extends NuwaError {
  override readonly name: string = "UsageError";
  override readonly exitCode: number = 2;
}
