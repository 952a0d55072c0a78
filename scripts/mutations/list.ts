import { ANALYSES } from "./analyses.ts";
import { DATA } from "./data.ts";
import { EVALUATION } from "./evaluation.ts";
import { METHODS } from "./methods.ts";
import { MODEL } from "./model.ts";
import type { Mutation } from "./mutation.ts";
import { NEWER_PEERS } from "./newer-peers.ts";
import { PIPELINE } from "./pipeline.ts";
import { PRUNING } from "./pruning.ts";
import { STREAMING } from "./streaming.ts";

/** Mutations of one part of the code, and who is to catch them. */
export interface Area {
  /** Its table in docs/invariants.md is `mutations-` and this. */
  readonly name: string;
  readonly mutations: readonly Mutation[];
  /** Only a law of test/properties counts; elsewhere any test does. */
  readonly byLaws: boolean;
}

/** All mutations. */
export const AREAS: readonly Area[] = [
  { name: "pruning", mutations: PRUNING, byLaws: true },
  { name: "methods", mutations: [...METHODS, ...NEWER_PEERS], byLaws: false },
  { name: "model", mutations: MODEL, byLaws: false },
  { name: "pipeline", mutations: PIPELINE, byLaws: false },
  { name: "streaming", mutations: STREAMING, byLaws: false },
  { name: "data", mutations: DATA, byLaws: false },
  { name: "evaluation", mutations: EVALUATION, byLaws: false },
  { name: "analyses", mutations: ANALYSES, byLaws: false },
];
