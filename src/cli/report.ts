import * as tf from "@tensorflow/tfjs";
import type { Command } from "commander";
import { requireWritableFile } from "../io/files.ts";
import { requireOwnFile } from "../io/opening.ts";
import { VERSION } from "./about.ts";
import { requireText } from "./options.ts";

/** What `--report` says in the help of a command. */
export const REPORT_OPTION = [
  "--report <file>",
  "write one HTML file with pictures and numbers that opens without a network",
] as const;

/** Refuses a path that could not be written afterwards. @throws UsageError, NuwaError */
export function requireReport(path: string | undefined): void {
  if (path === undefined) return;
  requireWritableFile(requireText("--report", path));
  requireOwnFile(path);
}

/** The command line as it was typed, quoted for a shell. */
export function commandLine(command: Command): string {
  const args = (command.parent as Command & { rawArgs: string[] }).rawArgs;
  return ["npx --no-install nuwa", ...args.map(quoted)].join(" ");
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

/** What computed a report. */
export function versionsWith(backend: string): Readonly<Record<string, string>> {
  return { nuwa: VERSION, backend, "TensorFlow.js": tf.version.tfjs, "Node.js": process.version };
}
