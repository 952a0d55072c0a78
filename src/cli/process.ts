import { internalError } from "./internal-error.ts";
import { main } from "./main.ts";

/**
 * Runs the command line as a process of its own: what is written to a reader that has gone, and what nobody caught,
 * ends it with a line and without a stack trace.
 *
 * @param argv arguments after the program's name
 */
export async function runProcess(argv: readonly string[]): Promise<void> {
  // A reader that has seen enough (`| head`) is no error; a full disk is one, but no crash.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      if (stream === process.stdout)
        process.stderr.write(
          `nuwa: the output cannot be written (${error.code}). Check the free space where it goes.\n`,
        );
      process.exit(1);
    });
  const end = (error: unknown) => {
    process.stderr.write(`nuwa: ${internalError(error).message}\n`);
    process.exit(1);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
  process.exitCode = await main(argv);
}
