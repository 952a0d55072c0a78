import { effect, signal } from "@preact/signals";
import { mark } from "../../../../src/eval/tasks/marking.ts";
import { questionRandom, questionsFor } from "../../../../src/world/questions.ts";
import { sceneOf } from "../../../../src/world/scene.ts";
import type { ScatterPoint, Who } from "../figures/scatter.tsx";
import type { Setting, Told } from "../model/protocol.ts";
import { client, methodA, methodB, settingOf } from "../state/state.ts";

/** Scenes that are asked about before the sweep pauses. */
export const SCENES = 20;
/** Budgets that the scenes get in turn, so that a line of five scenes each shows what saving more costs. */
export const BUDGETS = [8, 16, 32, 64] as const;
/** Seeds of the test split, far from those that the slider of step 1 begins with. */
const FIRST_SEED = 1000;

/** An answer of the sweep: x are its visual tokens, mean of the layers, and y is the IoU of its box. */
export interface SweepPoint extends ScatterPoint {
  /** Share of the unpruned model's operations that it saved. */
  readonly saved: number;
}

/** All answers so far. */
export const sweepPoints = signal<readonly SweepPoint[]>([]);
/** Scenes that were asked about under all methods. */
export const sweepDone = signal<number>(0);
/** Scenes that are asked about until it pauses. */
export const sweepGoal = signal<number>(0);
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

/** The scene of a number under no pruning and under both methods. */
async function scenePoints(number: number, wanted: () => boolean): Promise<SweepPoint[]> {
  const worker = client.value;
  if (!worker) throw new Error("the model is still loading. Begin again in a moment.");
  const scene = sceneOf("test", FIRST_SEED + number);
  const [question] = questionsFor(scene, questionRandom(scene), { count: 1, weights: { grounding: 1 } });
  const budget = BUDGETS[number % BUDGETS.length];
  const ask = (setting: Setting) => worker.ask("ask", { scene, question: question.text, setting });
  const whole = await ask({ method: "none", average: 0 });
  const points: SweepPoint[] = [];
  const add = (who: Who, method: string, told: Told) => {
    const x = told.entering.reduce((sum, count) => sum + count, 0) / told.entering.length;
    const [y, saved] = [mark(question, told.text).iou ?? 0, 1 - told.flops / whole.flops];
    const said = `${method}, scene ${scene.seed}, “${question.text}”: ${told.text}, IoU ${y.toFixed(2)}`;
    points.push({ who, x, y, saved, group: who === "none" ? 0 : budget, said });
  };
  add("none", "unpruned", whole);
  for (const [who, method] of [["a", methodA.value] as const, ["b", methodB.value] as const]) {
    if (!wanted()) return [];
    add(who, method, await ask({ ...settingOf(method), average: budget }));
  }
  return points;
}

/** What was computed under other settings says nothing of these. */
let settings = "";
effect(() => {
  const now = JSON.stringify([methodA.value, methodB.value].map((method) => ({ ...settingOf(method), average: 0 })));
  if (now === settings) return;
  settings = now;
  stopSweep();
  sweepPoints.value = [];
  [sweepDone.value, sweepGoal.value, sweepProblem.value] = [0, 0, undefined];
});
