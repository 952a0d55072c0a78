import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { NuwaError } from "../core/errors.ts";
import type { MethodDefinition } from "../methods/method.ts";
import { POSITION_POLICIES } from "../methods/nuwa/positions.ts";

/** Whether a method is named by a file rather than by its name in the registry. */
export function isMethodFile(which: string): boolean {
  return /[\\/]|\.[cm]?[jt]s$/.test(which);
}

/**
 * The method that a file of one's own defines: a module whose default export is a {@link MethodDefinition}.
 *
 * @param path a .js file, or a .ts file where TypeScript can be loaded, as it can in the clone
 * @throws NuwaError naming the file, the field and the remedy
 */
export async function loadMethodFile(path: string): Promise<MethodDefinition> {
  const file = resolve(path);
  if (!existsSync(file)) throw new NuwaError(`${path}: there is no such file. Give the path of a method's file.`);
  let module: { readonly default?: unknown };
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_UNKNOWN_FILE_EXTENSION")
      throw new NuwaError(`${path}: this Node cannot load TypeScript. Compile it to .js, or run with --import tsx.`);
    throw new NuwaError(
      `${path}: cannot be loaded (${error instanceof Error ? error.message : error}). Mend the file.`,
    );
  }
  // A file that was taken for CommonJS has its exports one level down.
  const inner = (module.default as { readonly default?: unknown } | undefined)?.default;
  return checkedDefinition(path, inner ?? module.default);
}

function checkedDefinition(path: string, value: unknown): MethodDefinition {
  if (typeof value !== "object" || value === null)
    throw new NuwaError(`${path}: has no default export. Export a MethodDefinition: export default { name, … }.`);
  const definition = value as Record<keyof MethodDefinition, unknown>;
  for (const field of ["name", "summary"] as const)
    if (typeof definition[field] !== "string" || definition[field] === "")
      throw new NuwaError(`${path}: field "${field}" is no text. Give the definition a ${field}.`);
  if (!(POSITION_POLICIES as readonly unknown[]).includes(definition.positions))
    throw new NuwaError(`${path}: field "positions" must be one of ${POSITION_POLICIES.join(", ")}.`);
  for (const field of ["budget", "create"] as const)
    if (typeof definition[field] !== "function")
      throw new NuwaError(`${path}: field "${field}" is no function. See docs/write-a-method.md.`);
  return value as MethodDefinition;
}
