import { NuwaError } from "../core/errors.ts";

/**
 * What nobody expected, as a line. What the operating system refuses (a full disk, a file that has gone) is no mistake
 * of this program and is said in the system's words.
 */
export function internalError(error: unknown): NuwaError {
  if (error instanceof NuwaError) return error;
  const { message, code, syscall } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error) };
  return syscall !== undefined && code !== undefined
    ? new NuwaError(`${message}. Check the disk, and the rights of files and folders.`)
    : new NuwaError(`internal error: ${message} (this is a bug; please report it with the command)`);
}
