import { computed, effect, signal } from "@preact/signals";
import { bootstrap, type Estimate } from "../../../../src/eval/score/bootstrap.ts";
import { mark } from "../../../../src/eval/tasks/marking.ts";
import { questionRandom, questionsFor } from "../../../../src/world/questions.ts";
import { sceneOf } from "../../../../src/world/scene.ts";
import { meansOf, type ScatterPoint, type Who } from "../figures/scatter.tsx";
import type { Setting, Told } from "../model/protocol.ts";
import { sandbox, within } from "../sandbox/client.ts";
import { client, methodA, methodB, program, settingOf } from "../state/state.ts";

/** Scenes that are asked about before the sweep pauses. */
export const SCENES = 20;
/** Budgets under which every scene is asked about, so that all means are of the same scenes. */
export const BUDGETS = [8, 16, 32, 64] as const;
/** How long the reader's program may take for an answer, in seconds; a law that is tried meanwhile comes first. */
const OWN_LIMIT = 40;
/** Seeds of the test split, far from those that the slider of step 1 begins with. */
const FIRST_SEED = 1000;

/** An answer of the sweep: x are its visual tokens, mean of the layers, and y is the IoU of its box. */
export interface SweepPoint extends ScatterPoint {
  readonly scene: number;
  readonly method: string;
  readonly question: string;
  readonly answer: string;
  /** Its operations, as a share of the unpruned model's. */
  readonly operations: number;
}

/** All answers so far. */
export const sweepPoints = signal<readonly SweepPoint[]>([]);
/** Scenes that were asked about under all methods. */
export const sweepDone = signal<number>(0);
/** Scenes that are asked about until it pauses. */
export const sweepGoal = signal<number>(0);
/** Whether the reader's program of step 7 is asked, too. */
export const sweepOwn = signal<boolean>(false);
export const sweepRunning = signal<boolean>(false);
/** Why it ended, in a line. */
export const sweepProblem = signal<string | undefined>(undefined);

let newest = 0;

/** Ends the sweep behind the answer under way; it can go on. */
export function stopSweep(): void {
  newest++;
  sweepRunning.value = false;
}

/** Goes on to the goal, or, where it is reached, through twenty scenes more. */
export async function goOnSweep(): Promise<void> {
  const own = ++newest;
  if (sweepDone.value >= sweepGoal.value) sweepGoal.value += SCENES;
  sweepRunning.value = true;
  sweepProblem.value = undefined;
  try {
    while (own === newest && sweepDone.value < sweepGoal.value) {
      const points = await scenePoints(sweepDone.value, () => own === newest);
      if (own !== newest) return;
      sweepPoints.value = [...sweepPoints.value, ...points];
      sweepDone.value++;
    }
  } catch (error) {
    if (own === newest) sweepProblem.value = error instanceof Error ? error.message : String(error);
  } finally {
    if (own === newest) sweepRunning.value = false;
  }
}

/** The scene of a number under no pruning and under both methods with every budget; nothing where it was ended. */
async function scenePoints(number: number, wanted: () => boolean): Promise<SweepPoint[]> {
  const worker = client.value;
  if (!worker) throw new Error("the model is still loading. Begin again in a moment.");
  const scene = sceneOf("test", FIRST_SEED + number);
  const [question] = questionsFor(scene, questionRandom(scene), { count: 1, weights: { grounding: 1 } });
  const ask = (setting: Setting) => worker.ask("ask", { scene, question: question.text, setting });
  const whole = await ask({ method: "none", average: 0 });
  const points: SweepPoint[] = [];
  const add = (who: Who, method: string, told: Told, group: number) => {
    const x = told.entering.reduce((sum, count) => sum + count, 0) / told.entering.length;
    const [y, operations] = [mark(question, told.text).iou ?? 0, told.flops / whole.flops];
    const said = `${method}, scene ${scene.seed}, “${question.text}”: ${told.text}, IoU ${y.toFixed(2)}`;
    const asked = { scene: scene.seed, method, question: question.text, answer: told.text };
    points.push({ who, x, y, group, said, operations, ...asked });
  };
  add("none", "unpruned", whole, 0);
  const both = [["a", methodA.value] as const, ["b", methodB.value] as const].map(
    ([who, method]) => ({ who, method, setting: settingOf(method) }) as const,
  );
  for (const budget of BUDGETS)
    for (const { who, method, setting } of both) {
      if (!wanted()) return [];
      add(who, method, await ask({ ...setting, average: budget }), budget);
    }
  if (sweepOwn.value) {
    const own = await sandbox();
    for (const budget of BUDGETS) {
      if (!wanted()) return [];
      const given = { scene, question: question.text, average: budget, program: program.value };
      const ran = await within(OWN_LIMIT, own.ask("run", given));
      if (ran.problem !== undefined) throw new Error(ran.problem);
      add("yours", "yours", ran.told, budget);
    }
  }
  return points;
}

/** The means of all methods and of the unpruned model. */
export const sweepMeans = computed(() => ({
  a: meansOf(sweepPoints.value, "a"),
  b: meansOf(sweepPoints.value, "b"),
  none: meansOf(sweepPoints.value, "none"),
  yours: meansOf(sweepPoints.value, "yours"),
}));
/** By budget, how much better the first method's boxes fit than the second's. */
export const sweepDifferences = computed(() => BUDGETS.map((budget) => differenceOf(sweepPoints.value, budget)));

/** All answers as a table of tab-separated text, with a line of names. */
export function sweepText(): string {
  const names = ["seed", "question", "method", "budget", "tokens", "operations", "answer", "iou"];
  const rows = sweepPoints.value.map(({ scene, question, method, group, x, operations, answer, y }) => [
    ...[scene, question, method],
    // Without pruning there is none.
    group === 0 ? "" : group,
    ...[x.toFixed(2), operations.toFixed(4), answer, y.toFixed(4)],
  ]);
  return [names, ...rows].map((row) => `${row.join("\t")}\n`).join("");
}

/** By how much the first method's boxes fit better than the second's on the same scenes, with the 95 % interval. */
function differenceOf(points: readonly SweepPoint[], budget: number): Estimate | undefined {
  const of = (who: Who) => points.filter((point) => point.who === who && point.group === budget);
  const second = new Map(of("b").map((point) => [point.scene, point.y]));
  const differences = of("a").map((point) => [point.y - (second.get(point.scene) ?? 0)]);
  return differences.length > 0 ? bootstrap(differences, 1) : undefined;
}

/** What was computed under other settings says nothing of these. */
let settings = "";
effect(() => {
  const methods = [methodA.value, methodB.value].map((method) => ({ ...settingOf(method), average: 0 }));
  const now = JSON.stringify([...methods, sweepOwn.value && program.value]);
  if (now === settings) return;
  settings = now;
  stopSweep();
  sweepPoints.value = [];
  [sweepDone.value, sweepGoal.value, sweepProblem.value] = [0, 0, undefined];
});
