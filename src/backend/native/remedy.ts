import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The command's source, which the package does not hold. */
const SETUP_SCRIPT = fileURLToPath(new URL("../../../scripts/setup-native.ts", import.meta.url));

/**
 * How the native backend is set up, as a sentence without its full stop: by a command in a clone of the project; an
 * installed package has none.
 *
 * @param options of the command
 * @param inClone whether the program runs in a clone
 */
export function setupRemedy(options = "", inClone: boolean = existsSync(SETUP_SCRIPT)): string {
  return inClone ? `run npm run setup:native${options}` : "only a clone of the project has a command that sets it up";
}
