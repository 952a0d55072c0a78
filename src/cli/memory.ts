import { type Command, InvalidArgumentError } from "commander";
import { loadModel, type ModelPlan, type OpenedModel, planModel } from "../io/load.ts";
import { layerOf } from "../io/weights/plan.ts";
import type { Vlm } from "../model/vlm.ts";
import { say } from "./say.ts";

/** Options of the commands that load a model. */
export interface MemoryOption {
  /** Bytes. */
  readonly memory?: number;
}

/** Adds {@link MemoryOption}. */
export function addMemoryOption(command: Command): Command {
  return command.option(
    "--memory <size>",
    "most memory that this process may take, such as 8GB or 6GiB; layers that do not fit are read whenever they are " +
      "needed (default: what the machine can spare)",
    parseSize,
  );
}

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

/** A size in words, in bytes. */
export function parseSize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([KMG]?i?B)$/i.exec(text.trim()) ?? [];
  const factor = UNITS[unit?.toUpperCase()];
  if (factor === undefined || Number(number) === 0)
    throw new InvalidArgumentError(`"${text}" is not a size such as 8GB, 6GiB or 900MB.`);
  return Math.round(Number(number) * factor);
}

/**
 * Reads the weights that fit into memory, after a line that says which do not; without one where all do.
 *
 * @param prompts that there are for the model, see `planModel`
 * @throws NuwaError as `planModel` and `loadModel`
 */
export function loadWithin(opened: OpenedModel, { memory }: MemoryOption, prompts = 1): Vlm {
  const plan = planModel(opened, memory, prompts);
  const line = describePlan(plan);
  if (line !== undefined) say("memory", line);
  return loadModel(opened, plan);
}

/** What of a model is read whenever it is needed, as a line; undefined where all is held. */
export function describePlan({ held, streamed, rows, bytes, prompts }: ModelPlan): string | undefined {
  if (streamed.length === 0 && !rows) return undefined;
  const of = (stack: string) => {
    const read = streamed.filter((group) => group.stack === stack);
    const kept = new Set(held.flatMap(({ name }) => (layerOf(name)?.stack === stack ? [layerOf(name)?.layer] : [])));
    const size = read.reduce((sum, { weights }) => sum + weights.reduce((all, weight) => all + weight.bytes, 0), 0);
    return { count: read.length, of: read.length + kept.size, size };
  };
  const stacks = [...new Set(streamed.map(({ stack }) => stack))];
  const parts = stacks.map((stack) => {
    const { count, of: all, size } = of(stack);
    const isTower = /^vis/.test(stack);
    const [kind, when] = isTower ? ["blocks of the tower", "image"] : ["layers of the decoder", "token"];
    return `${count} of ${all} ${kind} (${gigabytes(size)} for each ${when})`;
  });
  const table = rows ? ["rows of the token embeddings"] : [];
  const shared = prompts > 1 ? `; up to ${prompts} questions share a reading` : "";
  return `${gigabytes(bytes)}; read when needed: ${[...parts, ...table].join(", ")}${shared}`;
}

export function gigabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(0)} MB`;
}
