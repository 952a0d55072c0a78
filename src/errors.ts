/**
 * An error that a user can understand and mend: one line that names the file, the field and the
 * remedy. The command line prints its message without a stack trace and exits with `exitCode`.
 */
export class NuwaError extends Error {
  override readonly name: string = "NuwaError";
  /** Process exit code: 1 for anything wrong with files, models or the machine. */
  readonly exitCode: number = 1;

  /** Line breaks in what other libraries said become spaces. */
  constructor(message: string) {
    super(message.replace(/\s*\n\s*/g, " "));
  }
}

/** A {@link NuwaError} about how something was asked for (an option, an argument): exit code 2. */
export class UsageError extends NuwaError {
  override readonly name: string = "UsageError";
  override readonly exitCode: number = 2;
}
