import { existsSync } from "node:fs";
import { register } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { NuwaError } from "../core/errors.ts";
import { checkSchema } from "../core/schema.ts";
import { METHOD_POINTS } from "../core/tap-points.ts";
import type { MethodDefinition } from "../methods/method.ts";
import { POSITION_POLICIES } from "../methods/nuwa/positions.ts";
import { METHODS, methodNamed } from "../methods/registry.ts";
import { fileSize, reasonOf } from "./files.ts";

const callable = (what: string) =>
  z.custom<unknown>((value) => typeof value === "function", { message: `must be a function: ${what}` });

/** What is looked at of the default export of a method's file. */
const definitionSchema = z.looseObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, { message: "must be lower-case letters, digits and hyphens" })
    .refine((name) => !METHODS.some((method) => method.name === name), { message: "is the name of a built-in method" }),
  summary: z.string(),
  positions: z.enum(POSITION_POLICIES),
  variants: z.array(z.string()).nonempty().optional(),
  taps: z.array(z.enum(METHOD_POINTS)).optional(),
  budget: callable("(average, model) => parameters"),
  create: callable("(request, model) => method"),
});

/** Whether what `--method` says is a file and not a name of the registry. */
export function isMethodFile(named: string): boolean {
  return /[\\/]|\.[cm]?[jt]s$/.test(named);
}

/**
 * A method of the registry by its name, or one of the user's own by the path of its file.
 *
 * @throws UsageError listing the names when a name is unknown
 * @throws NuwaError as {@link loadMethodFile}
 */
export async function definitionNamed(named: string): Promise<MethodDefinition> {
  return isMethodFile(named) ? loadMethodFile(named) : methodNamed(named);
}

/**
 * Loads the file of a method: a module, JavaScript or TypeScript, whose default export is a
 * {@link MethodDefinition}. It is a program and runs with the rights of this one.
 *
 * @throws NuwaError naming the file, and the field of the definition that is missing or wrong
 */
export async function loadMethodFile(path: string): Promise<MethodDefinition> {
  if (!existsSync(path))
    throw new NuwaError(
      `${path}: no such file. --method takes the path of a method's file or one of ` +
        `${METHODS.map(({ name }) => name).join(", ")}.`,
    );
  // To import a pipe would take for ever.
  fileSize(path);
  let module: { default?: unknown };
  try {
    const { href } = pathToFileURL(resolve(path));
    if (href.endsWith(".ts")) register(asModule(href));
    module = await import(href);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_UNKNOWN_FILE_EXTENSION")
      throw new NuwaError(
        `${path}: this Node cannot run TypeScript. Compile the file to JavaScript, or use Node 22.18 or later.`,
      );
    throw new NuwaError(`${path}: cannot be loaded (${reasonOf(error)}). Give a module that runs by itself.`);
  }
  if (module.default === undefined)
    throw new NuwaError(`${path}: has no default export. Export the method: export default { name, summary, … }.`);
  checkSchema(path, module.default, definitionSchema, "See docs/write-a-method.md for what it must be.");
  return module.default as MethodDefinition;
}

/**
 * A loader hook that takes one TypeScript file for a module, whatever the package.json nearest to it says: far from a
 * project there is none, and the file would be taken for CommonJS. What else the format says stays: Node strips the
 * types of "module-typescript" only, and refuses a file without a format where it cannot.
 */
function asModule(href: string): string {
  const hook = `export async function resolve(specifier, context, next) {
    const found = await next(specifier, context);
    if (found.url.split("?")[0] !== ${JSON.stringify(href)}) return found;
    return { ...found, format: found.format?.replace("commonjs", "module") };
  }`;
  return `data:text/javascript,${encodeURIComponent(hook)}`;
}
