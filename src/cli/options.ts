import { type Command, Option } from "commander";
import { BACKEND_NAMES } from "../backend/select.ts";
import { UsageError } from "../core/errors.ts";
import type { OpenedModel } from "../io/load.ts";
import { definitionNamed } from "../io/method-file.ts";
import { parseAverage } from "../methods/budget.ts";
import type { MethodDefinition, Pruning } from "../methods/method.ts";
import { definition as nuwa } from "../methods/nuwa/definition.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../methods/nuwa/positions.ts";
import { type NuwaSwitches, STAGE2_SCORES, type Variant } from "../methods/nuwa/variants.ts";
import { createPruning, METHOD_NAMES } from "../methods/registry.ts";
import type { PreparedPixels } from "../model/preprocessing.ts";
import type { VlmConfig } from "../model/vlm.ts";
import { methodFor } from "../pipeline/choosing.ts";
import { type ConstantValues, readConstants } from "../train/tune/tuned-constants.ts";
import { addMemoryOption, type MemoryOption } from "./memory.ts";

/** The one method with switches and constants that other options set. */
const NUWA = nuwa.name;

/** Options that say how a model is run, the same for every command that runs one. */
export interface RunOptions extends MemoryOption {
  readonly method: string;
  /** Undefined: the first of the method. */
  readonly variant?: string;
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
  return addMemoryOption(command)
    .addOption(
      new Option(
        "--method <name|file>",
        `pruning method: ${METHOD_NAMES.join(", ")}, or the path of a file of your own (docs/write-a-method.md)`,
      ).default(defaultMethod),
    )
    .addOption(
      new Option(
        "--variant <name>",
        "reading of nuwa or holov: the released code's (official) or the paper's (default: official)",
      ),
    )
    .option(
      "--average <tokens>",
      "average visual tokens per decoder layer: a number such as 64, or a ratio (default: what the method " +
        "published, else 1/9)",
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
    .addOption(backendOption());
}

/** `--backend`, of the commands that compute. */
export function backendOption(): Option {
  return new Option("--backend <name>", "tfjs backend (default: tensorflow where installed, else wasm)").choices([
    ...BACKEND_NAMES,
  ]);
}

/** What the options ask for: a method for a model, and how it is defined. */
export interface AskedMethod {
  readonly definition: MethodDefinition;
  readonly method: Pruning;
}

/**
 * The method that the options ask for.
 *
 * @throws UsageError when the name, the budget or the constants do not fit
 * @throws NuwaError when a method's file cannot be used
 */
export async function methodFrom({ constants, ...options }: RunOptions, config: VlmConfig): Promise<AskedMethod> {
  const definition = await definitionNamed(requireText("--method", options.method));
  requireTaken(definition, options);
  const { average, variant, ...rest } = options;
  const request = {
    ...rest,
    variant: variant as Variant | undefined,
    average: average === undefined ? undefined : parseAverage(average),
  };
  const tuned =
    constants === undefined
      ? undefined
      : constantsFrom(constants, [definition.name], [variant ?? definition.variants?.[0]], config);
  return { definition, method: createPruning(definition, config, tuned ? { ...request, constants: tuned } : request) };
}

/**
 * Refuses a method that cannot prune some images, before any weight is read.
 *
 * @throws UsageError when its average does not fit an image
 * @throws NuwaError when it needs what the model does not offer
 */
export function requireFit(
  pruning: Pruning,
  { checkpoint: { family }, config }: OpenedModel,
  images: readonly PreparedPixels[],
): void {
  for (const { size } of images) methodFor(pruning, family.shapeOf(config, size), { config });
}

/** Refuses what the method would ignore. @throws UsageError naming the option */
function requireTaken(definition: MethodDefinition, { variant, stage2, average, positions }: RunOptions): void {
  const { name, variants } = definition;
  if (variant !== undefined && !variants)
    throw new UsageError(`--variant is a reading of nuwa or holov; ${name} has none. Leave it out.`);
  if (variant !== undefined && !variants?.includes(variant))
    throw new UsageError(`--variant ${variant}: ${name} has ${variants?.join(", ")}.`);
  if (stage2 !== undefined && name !== NUWA)
    throw new UsageError(`--stage2 is Nüwa's second score; ${name} has none. Leave it out.`);
  if (average !== undefined && definition.publishedOnly)
    throw new UsageError(
      `--average ${average}: the method ${name} has no budget; it keeps as published. Leave it out.`,
    );
  if (!definition.keepsEverything) return;
  if (average !== undefined)
    throw new UsageError(
      `--average ${average}: the method ${name} keeps every token. Leave it out, or name a --method.`,
    );
  if (positions !== undefined && positions !== definition.positions)
    throw new UsageError(
      `--positions ${positions}: the method ${name} keeps every token at its own id. ` +
        "Leave it out, or name a --method.",
    );
}

/**
 * The constants in a file of `nuwa tune`. They belong to one reading of one method on one family of models.
 *
 * @throws NuwaError when the file is damaged; UsageError when another method, variant or family is asked for
 */
export function constantsFrom(
  path: string,
  methods: readonly string[],
  variants: readonly (string | undefined)[],
  { family }: Pick<VlmConfig, "family">,
): ConstantValues {
  if (!methods.includes(NUWA))
    throw new UsageError(
      `--constants ${path}: only nuwa has them, not ${methods.join(", ")}. Add nuwa to the methods.`,
    );
  const { variant, family: tunedOn, constants } = readConstants(requireText("--constants", path));
  const other = variants.find((one) => one !== variant);
  if (other !== undefined)
    throw new UsageError(`${path}: field "variant": was tuned for ${variant}, not ${other}. Ask for ${variant} alone.`);
  if (tunedOn !== family)
    throw new UsageError(
      `${path}: field "family": was tuned on ${tunedOn}, but the model is ${family}. Tune on it, or leave it out.`,
    );
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
