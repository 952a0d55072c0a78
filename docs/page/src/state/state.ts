import firstRun from "virtual:first-run";
import { computed, type Signal, signal } from "@preact/signals";
import type { Grid } from "../../../../src/core/grid.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../../../../src/methods/nuwa/positions.ts";
import type { Variant } from "../../../../src/methods/nuwa/variants.ts";
import { type Scene, type SceneShape, sceneOf } from "../../../../src/world/scene.ts";
import { SEEDS_PER_SPLIT } from "../../../../src/world/splits.ts";
import { BEGIN, type FirstRun, readFirstRun } from "../model/first-run.ts";
import type { LoadedFacts, Setting, Told } from "../model/protocol.ts";
import type { Workers } from "../model/workers.ts";
import { EXAMPLES, readProgram, writeProgram } from "../sandbox/examples.ts";
import { readShapes, writeShapes } from "../scene/shapes-text.ts";
import { live, valueIn } from "./live.ts";
import type { Named } from "./url.ts";

/** What step 1 can lay over the patches. */
export const OVERLAYS = ["picture", "attention", "keyNorms", "paper", "likeness"] as const;
/** One of {@link OVERLAYS}. */
export type Overlay = (typeof OVERLAYS)[number];

/* The state of the page. Steps read these signals and set them; nothing else holds state that others need. */

const FIRST: FirstRun = readFirstRun(firstRun);

/** Seed of the scene, of the test split. */
export const seed = signal<number>(BEGIN.seed);
/** The reader's shapes, where they are no longer those of the seed. */
export const changedShapes = signal<readonly SceneShape[] | undefined>(undefined);
export const question = signal<string>(BEGIN.question);
/** Average visual tokens in a decoder layer. */
export const average = signal<number>(BEGIN.average);
export const methodA = signal<string>(BEGIN.a);
export const methodB = signal<string>(BEGIN.b);
/** Position ids of what both methods keep. */
export const positions = signal<PositionPolicy>(BEGIN.positions);
/** Reading of Nüwa. */
export const variant = signal<Variant>(BEGIN.variant);
/** Constants of Nüwa's stage 1; undefined: those of the reading. */
export const distanceFraction = signal<number | undefined>(undefined);
export const pillarQuantile = signal<number | undefined>(undefined);
/** Side of a region, of step 2. */
export const regionSize = signal<number>(2);
/** The patch that is pointed at, in every figure. */
export const pointed = signal<number | undefined>(undefined);
/** Whether step 2 shows the salience that is worst for plain top-k in place of the scene's. */
export const worstCase = signal<boolean>(false);
/** The patch whose anchor step 3 shows; the nearest anchor to it is shown. */
export const anchor = signal<number>(78);
/** The decoder layer that step 5 shows: first the one before the cut, whose attention is what is scored. */
export const layer = signal<number>(3);
/** Whether step 5 colours attention by one scale for all layers, or by one for each. */
export const attentionScale = signal<"all" | "own">("all");
/** What step 1 lays over the patches. */
export const overlay = signal<Overlay>("picture");

/** The reader's own pruner, of step 7. */
export const program = signal<string>(EXAMPLES[0].program);

/** Counts presses of the button that asks at once. */
export const asked = signal<number>(0);

/** What is known of the model: from the build of the page, and then from the worker. */
export const facts = signal<LoadedFacts | undefined>(FIRST.facts);
/** The workers, once they have loaded. */
export const client = signal<Workers | undefined>(undefined);

/** The patches of a picture; those of the shipped model before it has loaded. */
export const gridOf = computed<Grid>(() => facts.value?.grid ?? { rows: 12, columns: 12 });

const sceneOfSeed = computed<Scene>(() => sceneOf("test", seed.value));

/** The scene that everything follows. */
export const scene = computed<Scene>(() =>
  changedShapes.value ? { ...sceneOfSeed.value, shapes: changedShapes.value } : sceneOfSeed.value,
);

/** What a method is asked for, with the settings of the page. */
export function settingOf(method: string): Setting {
  if (method === "none") return { method, average: average.value };
  const own =
    method === "nuwa"
      ? {
          variant: variant.value,
          constants: { distanceFraction: distanceFraction.value, pillarQuantile: pillarQuantile.value },
        }
      : {};
  return { method, average: average.value, positions: positions.value, ...given(own) };
}

/** Without fields that are undefined: the worker's `??` and spreads take those for values. */
function given<T extends object>(fields: T): T {
  const known = Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [[name, value?.constructor === Object ? given(value) : value]];
  });
  return Object.fromEntries(known) as T;
}

const ready = <T>(value: T) => (client.value ? { ...value, client: client.value } : undefined);

/** A value of the build, as long as the scene and these others are as the page begins. */
function first<T>(value: T, ...others: readonly (readonly [Signal<unknown>, unknown])[]): () => T | undefined {
  const begun = [[seed, BEGIN.seed], [changedShapes, undefined], ...others] as const;
  return () => (begun.every(([now, then]) => now.value === then) ? value : undefined);
}
const ASKED = [
  [question, BEGIN.question],
  [average, BEGIN.average],
  [positions, BEGIN.positions],
] as const;
const NUWA = [
  [variant, BEGIN.variant],
  [distanceFraction, undefined],
  [pillarQuantile, undefined],
] as const;

/** What the tower sees in the scene. */
export const seen = live(
  () => ready({ scene: scene.value }),
  ({ client: worker, scene: drawn }) => worker.ask("see", { scene: drawn }),
  { first: first(FIRST.seen) },
);

/** What stage 1 of the first method keeps. */
export const chosen = live(
  () => ready({ scene: scene.value, question: question.value, setting: settingOf(methodA.value) }),
  ({ client: worker, ...task }) => worker.ask("choose", task),
  { first: first(FIRST.chosen, ...ASKED, ...NUWA, [methodA, BEGIN.a]) },
);

const nuwaBesides = live(
  () =>
    methodA.value === "nuwa"
      ? undefined
      : ready({ scene: scene.value, question: question.value, setting: settingOf("nuwa") }),
  ({ client: worker, ...task }) => worker.ask("choose", task),
);
/** What stage 1 of Nüwa keeps, whichever the first method is. */
export const chosenByNuwa = computed(() => (methodA.value === "nuwa" ? chosen.value : nuwaBesides.value));
/** What the first method keeps, and what Nüwa does, without whether it is being computed. */
export const [tokens, tokensOfNuwa] = [valueIn(chosen), valueIn(chosenByNuwa)] as const;
/** τ, as a fraction and in patches. */
export const reach = live(
  () => ready({ fraction: distanceFraction.value }),
  ({ client: worker, fraction }) => worker.ask("reach", given({ fraction })),
);

/** Answers wait until the reader's hand rests. */
const QUIET = { pause: 250 };
const answerOf = (method: () => string, watch: boolean, built: () => Told | undefined) =>
  live(
    () => ready({ scene: scene.value, question: question.value, setting: settingOf(method()), asked: asked.value }),
    ({ client: worker, asked: _, ...task }) => worker.ask("ask", { ...task, watch }),
    { ...QUIET, first: built },
  );

/** The answer under the first method, with its attention. */
export const answerA = answerOf(() => methodA.value, true, first(FIRST.answerA, ...ASKED, ...NUWA, [methodA, BEGIN.a]));
/** The answer under the second method. */
export const answerB = answerOf(() => methodB.value, false, first(FIRST.answerB, ...ASKED, [methodB, BEGIN.b]));
/** The answer of the unpruned model. */
export const answerUnpruned = live(
  () => ready({ scene: scene.value, question: question.value }),
  ({ client: worker, ...task }) => worker.ask("ask", { ...task, setting: { method: "none", average: 0 } }),
  { ...QUIET, first: first(FIRST.answerUnpruned, [question, BEGIN.question]) },
);

/** The answer of the first method with the ids of the unpruned model, where others are in use. */
export const answerOriginal = live(
  () =>
    positions.value === "original" || methodA.value === "none"
      ? undefined
      : ready({
          scene: scene.value,
          question: question.value,
          setting: { ...settingOf(methodA.value), positions: "original" as const },
        }),
  ({ client: worker, ...task }) => worker.ask("ask", task),
  QUIET,
);

/** Everything that follows from the state and takes the model some time. */
const COMPUTED = [seen, chosen, chosenByNuwa, answerA, answerB, answerUnpruned, answerOriginal] as const;
/** Whether any of it is being computed. */
export const computing = computed(() => COMPUTED.some(({ value: { busy } }) => busy));

const integer = (least: number, most: number) => (text: string) => {
  // Nothing is not 0.
  const value = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isInteger(value) && value >= least && value <= most ? value : undefined;
};
const oneOf =
  <T extends string>(names: readonly T[]) =>
  (text: string) =>
    names.find((name) => name === text);
const share =
  (isWithin: (value: number) => boolean) =>
  (text: string): number | undefined =>
    text.trim() !== "" && isWithin(Number(text)) ? Number(text) : undefined;
const methodName = oneOf(FIRST.facts.methods.map(({ name }) => name));
const plain = (text: string) => (text.trim() === "" ? undefined : text.slice(0, 200));

const yes = (value: boolean) => (value ? "yes" : "");

/** What of the state stands in the address. */
export const ADDRESS = [
  { name: "seed", signal: seed, read: integer(0, SEEDS_PER_SPLIT - 1), write: String },
  { name: "shapes", signal: changedShapes, read: readShapes, write: writeShapes },
  { name: "question", signal: question, read: plain, write: String },
  { name: "budget", signal: average, read: integer(1, 144), write: String },
  { name: "a", signal: methodA, read: methodName, write: String },
  { name: "b", signal: methodB, read: methodName, write: String },
  { name: "positions", signal: positions, read: oneOf(POSITION_POLICIES), write: String },
  { name: "variant", signal: variant, read: oneOf(["official", "paper"]), write: String },
  {
    name: "tau",
    signal: distanceFraction,
    read: share((value) => value > 0 && value <= 1),
    write: (value?: number) => String(value ?? ""),
  },
  {
    name: "quantile",
    signal: pillarQuantile,
    read: share((value) => value >= 0 && value <= 1),
    write: (value?: number) => String(value ?? ""),
  },
  { name: "region", signal: regionSize, read: integer(1, 6), write: String },
  { name: "worst", signal: worstCase, read: (text: string) => text === "yes" || undefined, write: yes },
  { name: "anchor", signal: anchor, read: integer(0, 143), write: String },
  { name: "layer", signal: layer, read: integer(0, 7), write: String },
  { name: "scale", signal: attentionScale, read: oneOf(["all", "own"]), write: String },
  { name: "overlay", signal: overlay, read: oneOf(OVERLAYS), write: String },
  { name: "program", signal: program, read: readProgram, write: writeProgram },
] as unknown as readonly Named<never>[];
