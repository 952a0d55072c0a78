import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { requireMemory } from "../backend/memory.ts";
import { type Checkpoint, findTensor, openCheckpoint } from "../data/checkpoint.ts";
import { readTensor } from "../data/safetensors.ts";
import { parseConfig, type VlmConfig } from "../model/config.ts";
import { createModel, isLinearWeight, type Model, tensorShapes } from "../model/weights.ts";

/** The configuration of a checkpoint folder. @throws NuwaError naming file and field */
export function configOf(checkpoint: Checkpoint): VlmConfig {
  return parseConfig(
    join(checkpoint.directory, "config.json"),
    checkpoint.config,
    checkpoint.generationConfig,
    checkpoint.visionTowerConfig,
  );
}

/**
 * Loads a checkpoint folder onto the current backend, as float32. Everything that can be wrong with
 * names, shapes and size is found before the first weight is read.
 *
 * @throws NuwaError naming the file and the field or tensor
 */
export function loadModel(directory: string): Model {
  const checkpoint = openCheckpoint(directory);
  const config = configOf(checkpoint);
  const shapes = tensorShapes(config);
  const places = [...shapes].map(([name, shape]) => ({ name, shape, ...findTensor(checkpoint, name, shape) }));
  requireMemory(
    directory,
    [...shapes.values()].reduce((sum, shape) => sum + 4 * tf.util.sizeFromShape([...shape]), 0),
  );
  const tensors = new Map<string, tf.Tensor>();
  try {
    for (const { name, shape, file, entry } of places) {
      tensors.set(name, weightTensor(name, readTensor(file, entry.name).values, shape));
    }
  } catch (error) {
    tf.dispose([...tensors.values()]);
    throw error;
  }
  return createModel(config, tensors);
}

/** A weight as the model keeps it, from its values on disk: linear weights become [in, out]. */
export function weightTensor(name: string, values: tf.TypedArray, shape: readonly number[]): tf.Tensor {
  return tf.tidy(() => {
    const onDisk = tf.tensor(values, [...shape], "float32");
    return isLinearWeight(name, shape) ? onDisk.transpose() : onDisk;
  });
}
