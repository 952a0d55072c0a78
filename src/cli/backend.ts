import * as tf from "@tensorflow/tfjs";
import { type BackendChoice, useBackend } from "../backend/select.ts";
import type { OpenedModel } from "../io/load.ts";

/** Weights from which on a model is large. */
const LARGE = 2 ** 25;

/**
 * The backend for a checkpoint, set up for models of its size.
 *
 * @param requested what `--backend` says
 * @throws as `useBackend`
 */
export function useBackendFor({ locations }: OpenedModel, requested?: string): Promise<BackendChoice> {
  const weights = locations.reduce((sum, { shape }) => sum + tf.util.sizeFromShape([...shape]), 0);
  return useBackend(requested, { large: weights >= LARGE });
}
