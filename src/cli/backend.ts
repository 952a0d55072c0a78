import * as tf from "@tensorflow/tfjs";
import { type BackendChoice, useBackend } from "../backend/select.ts";
import type { OpenedModel } from "../io/load.ts";

/** Weights of a matrix from which on its products with several rows are slow without oneDNN. */
const LARGE = 2 ** 18;
/** Matrices of which a pass gathers rows, or multiplies with one row for each prompt. */
const VOCABULARY = /\b(embed_tokens|lm_head)\./;

/**
 * The backend for a checkpoint, set up for the size of its matrices.
 *
 * @param requested what `--backend` says
 * @throws as `useBackend`
 */
export function useBackendFor(opened: Pick<OpenedModel, "locations">, requested?: string): Promise<BackendChoice> {
  return useBackend(requested, { large: hasLargeMatrix(opened) });
}

/** Whether a layer has a matrix of 2¹⁸ weights or more. */
export function hasLargeMatrix({ locations }: Pick<OpenedModel, "locations">): boolean {
  return locations.some(
    ({ name, shape }) => shape.length === 2 && tf.util.sizeFromShape([...shape]) >= LARGE && !VOCABULARY.test(name),
  );
}
