import { computed, signal } from "@preact/signals";
import type { DrawnScene, Told, ToldVerdict } from "../model/protocol.ts";
import type { Live } from "../state/live.ts";
import { average, program, question, scene } from "../state/state.ts";
import { sandbox, stopSandbox, within } from "./client.ts";

/** How long a program may take to answer, and to try a law, in seconds. */
const ANSWER_LIMIT = 10;
const LAW_LIMIT = 20;

/** A program that was run. */
export interface OwnRun {
  readonly program: string;
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
/** The laws, and the program that they were tried on. */
const laws = signal<{ readonly program: string; readonly states: readonly LawState[] }>({ program: "", states: [] });
/** What the last program printed on the scene, and which program that was. */
const printed = signal<{ readonly program: string; readonly lines: readonly string[] }>({ program: "", lines: [] });
/** The last lines that the program in the editor printed. */
export const shownLines = computed(() => (printed.value.program === program.value ? printed.value.lines : []));
/** The last run of the program that stands in the editor. */
export const shownRun = computed(() => {
  const { value } = ownRun.value;
  return value?.program === program.value ? value : undefined;
});
/** The laws on the program that stands in the editor. */
export const shownLaws = computed(() => (laws.value.program === program.value ? laws.value.states : []));
/** Whether there is a result, but of a program that has been changed since. */
export const isOfAnother = computed(() => ownRun.value.value !== undefined && shownRun.value === undefined);
/** Whether a program runs, or its laws are tried. */
export const running = signal<boolean>(false);

/** Counts runs: what belongs to an earlier one is thrown away. */
let newest = 0;

/** Ends what runs. */
export function stopProgram(): void {
  newest++;
  running.value = false;
  const line = "stopped.";
  if (ownRun.value.busy) ownRun.value = { ...ownRun.value, problem: line, busy: false };
  setLaws((law) =>
    law.status === "waits" || law.status === "is tried" ? { ...law, status: "not decided", problem: line } : law,
  );
  stopSandbox(line);
}

/** Changes what is known of each law. */
function setLaws(change: (law: LawState, place: number) => LawState): void {
  laws.value = { ...laws.value, states: laws.value.states.map(change) };
}

/**
 * Runs a program on the scene and the question of the page, and tries the laws on it one by one. Laws know nothing of
 * scenes: what was decided of this program stays.
 */
export async function runProgram(text: string): Promise<void> {
  if (running.value) stopProgram();
  program.value = text;
  const own = ++newest;
  const current = () => own === newest;
  running.value = true;
  if (laws.value.program !== text) laws.value = { program: text, states: [] };
  printed.value = { program: text, lines: [] };
  ownRun.value = { value: ownRun.value.value, busy: true };
  const asked = { scene: scene.value, question: question.value, average: average.value };
  try {
    const client = await sandbox();
    if (!current()) return;
    const ran = await within(ANSWER_LIMIT, client.ask("run", { ...asked, program: text }));
    if (!current()) return;
    printed.value = { program: text, lines: ran.printed };
    if (ran.problem !== undefined) throw new Error(ran.problem);
    const { told } = ran;
    ownRun.value = { value: { told, program: text, ...asked }, busy: false };
    const sentences = await client.ask("laws", {});
    if (!current()) return;
    const known = new Map(laws.value.states.map((law) => [law.sentence, law]));
    const states = sentences.map((sentence): LawState => {
      const law = known.get(sentence);
      return law && law.status !== "not decided" ? law : { sentence, status: "waits" };
    });
    laws.value = { program: text, states };
    for (let law = 0; law < states.length && current(); law++)
      if (states[law].status === "waits") await judge(text, law, current);
  } catch (error) {
    // What the same program did before stays.
    const { value } = ownRun.value;
    const before = value?.program === text ? value : undefined;
    if (current()) ownRun.value = { value: before, problem: lineOf(error), busy: false };
  } finally {
    if (current()) running.value = false;
  }
}

async function judge(text: string, law: number, current: () => boolean): Promise<void> {
  const set = (state: Partial<LawState>) => {
    if (current()) setLaws((old, i) => (i === law ? { ...old, ...state } : old));
  };
  set({ status: "is tried" });
  try {
    // A law that was ended has ended the worker, too: the next one gets a new one.
    const client = await sandbox();
    set(await within(LAW_LIMIT, client.ask("judge", { program: text, law })));
  } catch (error) {
    set({ status: "not decided", problem: lineOf(error) });
  }
}

/** Without the name that the method has for the pipeline. */
function lineOf(error: unknown): string {
  const line = error instanceof Error ? error.message : String(error);
  return line.replace(/^method yours: selectPatches: /, "");
}
