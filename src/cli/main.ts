import { Command, CommanderError } from "commander";
import { type NuwaError, UsageError } from "../core/errors.ts";
import { VERSION } from "./about.ts";
import { addAsk } from "./ask.ts";
import { addCompare } from "./compare.ts";
import { addDoctor } from "./doctor.ts";
import { addEval } from "./eval/command.ts";
import { addFetch } from "./fetch.ts";
import { addForward } from "./forward.ts";
import { addInspect } from "./inspect/command.ts";
import { internalError } from "./internal-error.ts";
import { addLaws } from "./laws.ts";
import { addPreprocess } from "./preprocess.ts";
import { addPrompt } from "./prompt.ts";
import { addScene } from "./scene.ts";
import { addTaps } from "./taps.ts";
import { addTensors } from "./tensors.ts";
import { addTokenize } from "./tokenize.ts";
import { addTrain } from "./train.ts";
import { addTune } from "./tune.ts";

/**
 * Runs the command line.
 *
 * @param argv arguments after the program's name
 * @returns the exit code: 0, 1 (files, models, the machine) or 2 (usage); errors are one line on stderr
 */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv as string[], { from: "user" });
    return 0;
  } catch (error) {
    return report(error);
  }
}

/** The commands with their options, before any is run; a test reads them. */
export function createProgram(): Command {
  const program = new Command("nuwa")
    .description("Nüwa: two-stage visual token pruning for vision-language models, in the open")
    .version(VERSION)
    // All arguments after a command's name go to it, in order; `eval merge` relies on it.
    .enablePositionalOptions()
    .configureOutput({ outputError: () => undefined });
  for (const add of [
    addAsk,
    addCompare,
    addForward,
    addInspect,
    addLaws,
    addPreprocess,
    addTokenize,
    addPrompt,
    addScene,
    addTaps,
    addTensors,
    addTrain,
    addTune,
    addEval,
    addFetch,
    addDoctor,
  ])
    add(program);
  // Exits must pass through main(), so that errors are printed in one function.
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
    command.exitOverride().configureOutput({ outputError: () => undefined });
  return program;
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0 || error.code === "commander.help") return error.exitCode === 0 ? 0 : 2;
    return complain(new UsageError(`${error.message.replace(/^error: /, "")} (--help shows what there is)`));
  }
  return complain(internalError(error));
}

function complain(error: NuwaError): number {
  process.stderr.write(`nuwa: ${error.message}\n`);
  return error.exitCode;
}
