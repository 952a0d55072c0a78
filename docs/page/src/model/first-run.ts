import { float16ToFloat32, float32ToFloat16 } from "../../../../src/io/half-floats.ts";
import type { Chosen, LoadedFacts, Seen, Setting, Told } from "./protocol.ts";

/** What the page shows first: a scene and a question at which methods differ. */
export const BEGIN = {
  seed: 129,
  question: "Where is the purple cross?",
  average: 32,
  a: "nuwa",
  b: "visionzip",
  positions: "original",
  variant: "official",
} as const;

const { average, positions, variant } = BEGIN;

/** The runs that are computed when the page is built: those of the state that it begins with. */
export const FIRST_SETTINGS = {
  seed: BEGIN.seed,
  question: BEGIN.question,
  a: { method: BEGIN.a, average, positions, variant, constants: {} } satisfies Setting as Setting,
  b: { method: BEGIN.b, average, positions } satisfies Setting as Setting,
  unpruned: { method: "none", average: 0 } satisfies Setting as Setting,
};

/** Everything that the steps show of the state that the page begins with. */
export interface FirstRun {
  readonly facts: LoadedFacts;
  readonly seen: Seen;
  readonly chosen: Chosen;
  readonly answerA: Told;
  readonly answerB: Told;
  readonly answerUnpruned: Told;
}

/** A run as JSON, its floats as 16-bit floats. */
export function writeFirstRun(run: FirstRun): string {
  return JSON.stringify(run, (_, value) => (value instanceof Float32Array ? { float16: base64Of(value) } : value));
}

/** A run out of {@link writeFirstRun}'s JSON, parsed. */
export function readFirstRun(json: unknown): FirstRun {
  return floatsIn(json) as FirstRun;
}

function floatsIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(floatsIn);
  if (typeof value !== "object" || value === null) return value;
  if ("float16" in value) return floatsOf(value.float16 as string);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, floatsIn(field)]));
}

function base64Of(floats: Float32Array): string {
  const bytes = new Uint8Array(float32ToFloat16(floats).buffer);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function floatsOf(base64: string): Float32Array {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return float16ToFloat32(new Uint16Array(bytes.buffer));
}
