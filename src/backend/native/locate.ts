import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** The npm package of the native backend. */
export const NATIVE_PACKAGE = "@tensorflow/tfjs-node-gpu";

/**
 * The folder in the project that `npm run setup:native` fills, outside node_modules so that `npm ci` leaves it alone.
 */
export const NATIVE_FOLDER: string = fileURLToPath(new URL("../../../.native", import.meta.url));

/** Name of the link, in {@link NATIVE_FOLDER}, to the build that is in use. */
export const ACTIVE = "active";

const setupSchema = z.object({
  /** Version of {@link NATIVE_PACKAGE}. */
  packageVersion: z.string(),
  /** Name of the folder below `libtensorflow/` that the binding is linked against. */
  libraries: z.string(),
  /** Where libtensorflow came from, as text: "PyPI wheel tensorflow-cpu 2.21.0". */
  source: z.string(),
  /** Whether that libtensorflow was built with CUDA; null where only a run on a GPU can show it. */
  cuda: z.boolean().nullable(),
});

/** What `npm run setup:native` wrote down about a build, in its `setup.json`. */
export type NativeSetup = z.infer<typeof setupSchema>;

/** A build that was tested and switched on. */
export interface ActiveSetup extends NativeSetup {
  /** The built copy of {@link NATIVE_PACKAGE}. */
  readonly packageFolder: string;
}

/** The `nvidia` folder beside the libtensorflow of a build, where that has one. */
export function nvidiaFolder({ libraries }: NativeSetup, folder: string = NATIVE_FOLDER): string {
  return join(folder, "libtensorflow", libraries, "nvidia");
}

/** The built package inside a build folder. The `node_modules` in its path keeps tools from transforming it. */
export function packageFolderIn(build: string): string {
  return join(build, "node_modules", NATIVE_PACKAGE);
}

/** The build in use, or undefined where `npm run setup:native` has not been run to its end. */
export function activeSetup(folder: string = NATIVE_FOLDER): ActiveSetup | undefined {
  const build = join(folder, ACTIVE);
  try {
    const setup = setupSchema.parse(JSON.parse(readFileSync(join(build, "setup.json"), "utf8")));
    return { ...setup, packageFolder: packageFolderIn(build) };
  } catch {
    return undefined;
  }
}
