import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { shapesWeights } from "../io/load.ts";

/** The version in package.json. */
export const VERSION: string = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;

/** The checkpoint that comes with the project, as a path from where the program is run. */
export const SHIPPED_MODEL: string = relative(process.cwd(), shapesWeights()) || ".";
