/** Text that may hold anything, made safe to print on a terminal: control characters become escapes. */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/**
 * An error that a user can understand and mend: one line that names the file, the field and the
 * remedy. The command line prints its message without a stack trace and exits with `exitCode`.
 */
export class NuwaError extends Error {
  override readonly name: string = "NuwaError";
  /** Process exit code: 1 for anything wrong with files, models or the machine. */
  readonly exitCode: number = 1;

  /** Line breaks and control characters in what files and other libraries said do not reach the terminal. */
  constructor(message: string) {
    super(printable(message.replace(/\s*[\r\n]\s*/g, " ")));
  }
}

/** A {@link NuwaError} about NaN or infinite values where numbers are needed. */
export class NonFiniteError extends NuwaError {
  override readonly name: string = "NonFiniteError";
}

/** A {@link NuwaError} about how something was asked for (an option, an argument): exit code 2. */
export class UsageError extends NuwaError {
  override readonly name: string = "UsageError";
  override readonly exitCode: number = 2;
}
