import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The version in package.json. */
export const VERSION: string = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;

/** The checkpoint that comes with the project. */
export const SHIPPED_MODEL = fileURLToPath(new URL("../../weights/untrained", import.meta.url));
