import type { BackendChoice } from "../../backend/select.ts";
import type { Box } from "../../core/boxes.ts";
import type { RunOptions } from "../options.ts";

/** Options of `nuwa inspect`. */
export interface InspectOptions extends RunOptions {
  readonly model: string;
  readonly inputs?: string;
  readonly measure: string;
  readonly box?: Box;
  readonly source?: string;
  readonly after?: number;
  readonly out?: string;
  readonly dump?: string;
  readonly report?: string;
}

/** What is told of a run besides its measures. */
export interface InspectedRun {
  readonly backend: BackendChoice;
  /** The command as it was typed. */
  readonly line: string;
  /** Of the image, where one was given. */
  readonly path: string | undefined;
}
