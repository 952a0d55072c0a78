import { type Command, Option } from "commander";
import { BACKEND_NAMES } from "../backend/select.ts";
import { UsageError } from "../core/errors.ts";
import { isMethodFile, loadMethodFile } from "../io/method-file.ts";
import { parseAverage } from "../methods/budget.ts";
import type { Method, MethodDefinition } from "../methods/method.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../methods/nuwa/positions.ts";
import { type NuwaSwitches, STAGE2_SCORES, VARIANTS, type Variant } from "../methods/nuwa/variants.ts";
import { createMethod, METHOD_NAMES, methodNamed } from "../methods/registry.ts";
import type { VlmConfig } from "../model/llava/config.ts";
import { type ConstantValues, readConstants } from "../train/tune/constants.ts";

/** The reading of Nüwa that is taken when none is named. */
export const DEFAULT_VARIANT: Variant = "official";

/** Options that say how a model is run, the same for every command that runs one. */
export interface RunOptions {
  readonly method: string;
  /** Undefined: {@link DEFAULT_VARIANT}. */
  readonly variant?: Variant;
  /** Undefined: the default of the method. */
  readonly average?: string;
  readonly stage2?: NuwaSwitches["stage2"];
  readonly positions?: PositionPolicy;
  readonly constants?: string;
  readonly seed: number;
  readonly backend?: string;
}

/** Adds {@link RunOptions} to a command. */
export function addRunOptions(command: Command, defaultMethod: string): Command {
  return command
    .option(
      "--method <name or file>",
      `pruning method: ${METHOD_NAMES.join(", ")}, or a file of your own`,
      defaultMethod,
    )
    .addOption(
      new Option(
        "--variant <name>",
        `reading of Nüwa: the released code's (official) or the paper's (default: ${DEFAULT_VARIANT})`,
      ).choices(Object.keys(VARIANTS)),
    )
    .option(
      "--average <tokens>",
      "average visual tokens per decoder layer: a number such as 64, or a ratio (default: 1/9; prumerge and pyramiddrop: as published)",
    )
    .addOption(
      new Option("--stage2 <score>", "score of the second pruning (default: the variant's own)").choices([
        ...STAGE2_SCORES,
      ]),
    )
    .addOption(
      new Option("--positions <policy>", "position ids of the kept tokens (default: the method's own)").choices([
        ...POSITION_POLICIES,
      ]),
    )
    .option("--constants <file>", "constants of Nüwa's first pruning, as nuwa tune writes them")
    .option("--seed <integer>", "seed of everything random", parseInteger, 44)
    .addOption(
      new Option("--backend <name>", "tfjs backend (default: tensorflow where installed, else wasm)").choices([
        ...BACKEND_NAMES,
      ]),
    );
}

/** The method that the options ask for. @throws UsageError when the budget or the constants do not fit */
export async function methodFrom({ constants, ...options }: RunOptions, config: VlmConfig): Promise<Method> {
  requireTaken(options);
  const request = { ...options, average: options.average === undefined ? undefined : parseAverage(options.average) };
  const variant = options.variant ?? DEFAULT_VARIANT;
  return createMethod(
    await definitionFrom(options.method),
    config,
    constants === undefined
      ? request
      : { ...request, constants: constantsFrom(constants, [options.method], [variant]) },
  );
}

/**
 * The definition of a method of the registry, or of one in a file.
 *
 * @throws UsageError when there is none of that name; NuwaError when the file defines none
 */
export async function definitionFrom(which: string): Promise<MethodDefinition> {
  return isMethodFile(which) ? loadMethodFile(which) : methodNamed(which);
}

/** Refuses what the method would ignore. @throws UsageError naming the option */
function requireTaken({ method, variant, stage2, average, positions }: RunOptions): void {
  if (method !== "nuwa") {
    if (variant !== undefined)
      throw new UsageError(`--variant is a reading of Nüwa; ${method} has none. Leave it out.`);
    if (stage2 !== undefined)
      throw new UsageError(`--stage2 is Nüwa's second score; ${method} has none. Leave it out.`);
  }
  if (method !== "none") return;
  if (average !== undefined)
    throw new UsageError(`--average ${average}: the method none keeps every token. Leave it out, or name a --method.`);
  if (positions !== undefined && positions !== "original")
    throw new UsageError(
      `--positions ${positions}: the method none keeps every token at its own id. Leave it out, or name a --method.`,
    );
}

/**
 * The constants in a file of `nuwa tune`. They belong to one reading of one method.
 *
 * @throws NuwaError when the file is damaged; UsageError when another method or variant is asked for
 */
export function constantsFrom(
  path: string,
  methods: readonly string[],
  variants: readonly (Variant | undefined)[],
): ConstantValues {
  if (!methods.includes("nuwa"))
    throw new UsageError(
      `--constants ${path}: only nuwa has them, not ${methods.join(", ")}. Add nuwa to the methods.`,
    );
  const { variant, constants } = readConstants(requireText("--constants", path));
  const other = variants.find((one) => one !== variant);
  if (other !== undefined)
    throw new UsageError(`${path}: field "variant": was tuned for ${variant}, not ${other}. Ask for ${variant} alone.`);
  return constants;
}

/** A commander argument parser for integers. @throws UsageError */
export function parseInteger(text: string): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) throw new UsageError(`"${text}" is not an integer.`);
  return value;
}

/** A commander argument parser for integers from 1. @throws UsageError */
export function parseCount(text: string): number {
  const value = parseInteger(text);
  if (value < 1) throw new UsageError(`"${text}" must be at least 1.`);
  return value;
}

/** A commander argument parser for numbers. @throws UsageError */
export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new UsageError(`"${text}" is not a number.`);
  return value;
}

/** A value that may not be empty. @throws UsageError naming it */
export function requireText(what: string, value: string): string {
  if (value === "") throw new UsageError(`${what} is empty. Give a path.`);
  return value;
}
