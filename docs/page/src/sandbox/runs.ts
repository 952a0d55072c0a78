import { signal } from "@preact/signals";
import type { DrawnScene, Told, ToldVerdict } from "../model/protocol.ts";
import type { Live } from "../state/live.ts";
import { average, question, scene } from "../state/state.ts";
import { sandbox, stopSandbox, within } from "./client.ts";

/** How long a program may take to answer, and to try a law, in seconds. */
const ANSWER_LIMIT = 10;
const LAW_LIMIT = 20;

/** A program that was run. */
export interface OwnRun {
  readonly told: Told;
  /** What it was run on, which may have changed since. */
  readonly scene: DrawnScene;
  readonly question: string;
  readonly average: number;
}

/** What is known of a law. */
export interface LawState {
  readonly sentence: string;
  readonly status: ToldVerdict["status"] | "waits" | "is tried" | "not decided";
  readonly broken?: ToldVerdict["broken"];
  /** Why it is not decided, in a line. */
  readonly problem?: string;
}

/** The last program that was run. */
export const ownRun = signal<Live<OwnRun>>({ busy: false });
/** The laws on it. */
export const lawStates = signal<readonly LawState[]>([]);
/** Whether a program runs, or its laws are tried. */
export const running = signal<boolean>(false);

/** Counts runs: what belongs to an earlier one is thrown away. */
let newest = 0;

/** Ends what runs. */
export function stopProgram(): void {
  newest++;
  running.value = false;
  const line = "stopped.";
  if (ownRun.value.busy) ownRun.value = { problem: line, busy: false };
  lawStates.value = lawStates.value.map((law) =>
    law.status === "waits" || law.status === "is tried" ? { ...law, status: "not decided", problem: line } : law,
  );
  stopSandbox(line);
}

/** Runs a program on the scene and the question of the page, and tries the laws on it one by one. */
export async function runProgram(program: string): Promise<void> {
  if (running.value) stopProgram();
  const own = ++newest;
  const current = () => own === newest;
  running.value = true;
  lawStates.value = [];
  ownRun.value = { value: ownRun.value.value, busy: true };
  const asked = { scene: scene.value, question: question.value, average: average.value };
  try {
    const client = await sandbox();
    if (!current()) return;
    const told = await within(ANSWER_LIMIT, client.ask("run", { ...asked, program }));
    if (!current()) return;
    ownRun.value = { value: { told, ...asked }, busy: false };
    const sentences = await client.ask("laws", {});
    if (!current()) return;
    lawStates.value = sentences.map((sentence) => ({ sentence, status: "waits" }));
    for (let law = 0; law < sentences.length && current(); law++) await judge(program, law, current);
  } catch (error) {
    if (current()) ownRun.value = { problem: lineOf(error), busy: false };
  } finally {
    if (current()) running.value = false;
  }
}

async function judge(program: string, law: number, current: () => boolean): Promise<void> {
  const set = (state: Partial<LawState>) => {
    if (current()) lawStates.value = lawStates.value.map((old, i) => (i === law ? { ...old, ...state } : old));
  };
  set({ status: "is tried" });
  try {
    // A law that was ended has ended the worker, too: the next one gets a new one.
    const client = await sandbox();
    set(await within(LAW_LIMIT, client.ask("judge", { program, law })));
  } catch (error) {
    set({ status: "not decided", problem: lineOf(error) });
  }
}

/** Without the name that the method has for the pipeline. */
function lineOf(error: unknown): string {
  const line = error instanceof Error ? error.message : String(error);
  return line.replace(/^method yours: selectPatches: /, "");
}
