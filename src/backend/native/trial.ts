import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { TensorflowStatus } from "../tensorflow.ts";
import { type GpuLog, readGpuLog } from "./log.ts";

/** What the program of probe.ts prints. */
export type TrialAnswer = TensorflowStatus & {
  /** Full paths of the shared libraries that it had in memory after its first ops. */
  readonly sharedLibraries?: readonly string[];
};

/** What a run of probe.ts showed. */
export interface TrialResult {
  readonly answer: TrialAnswer;
  readonly log: GpuLog;
}

const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));
/** In a clone the sources run through tsx, in the package compiled modules run as they are. */
const SOURCE = import.meta.url.endsWith(".ts");
const PROBE = fileURLToPath(new URL(SOURCE ? "probe.ts" : "probe.js", import.meta.url));

/** TensorFlow compiles its kernels at the first start on a GPU that it was not built for, which takes minutes. */
const TRIAL_MINUTES = 30;

/**
 * Tries the native backend in a process of its own.
 *
 * @param packageFolder a built copy of the package; without it, the one that the program itself would load
 * @param node the Node to run it under; without it, this one
 */
export function tryNative(packageFolder?: string, node: string = process.execPath): TrialResult {
  const child = spawnSync(
    node,
    [...(SOURCE ? ["--import", "tsx"] : []), PROBE, ...(packageFolder ? [packageFolder] : [])],
    {
      cwd: PROJECT,
      encoding: "utf8",
      maxBuffer: 64 * 2 ** 20,
      timeout: TRIAL_MINUTES * 60_000,
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "0", TF_CPP_VMODULE: "dso_loader=1", FORCE_COLOR: "0" },
    },
  );
  return { answer: readAnswer(child.stdout, child.stderr, child.status, child.signal), log: readGpuLog(child.stderr) };
}

function readAnswer(stdout: string, stderr: string, status: number | null, signal: NodeJS.Signals | null): TrialAnswer {
  try {
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as TrialAnswer;
  } catch {
    const end = signal ? `was ended by ${signal}` : `ended with exit code ${status}`;
    const said = stderr.split("\n").find((line) => /error/i.test(line));
    return { loaded: false, reason: `its test program ${end}${said ? ` (${said.trim()})` : ""}` };
  }
}
