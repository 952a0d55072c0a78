import { closeSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import { nativeFloats } from "../../backend/native/floats.ts";
import { NuwaError } from "../../core/errors.ts";
import { shown } from "../../core/schema.ts";
import type { TensorLocation } from "../checkpoint.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "../half-floats.ts";
import { openInput, readWhole } from "../opening.ts";
import type { PlannedWeight } from "./plan.ts";

/** A weight of a model, and where it lies; `entry.dtype` is one of floats. */
export type LocatedWeight = PlannedWeight & TensorLocation;

/** The types of floats that weights are stored in. */
export type FloatDtype = "F32" | "F16" | "BF16";

/** Files that stay open while parts of them are read. */
export class OpenFiles {
  readonly #files = new Map<string, number>();

  /** The descriptor of a file. @throws NuwaError when it cannot be read */
  open(path: string): number {
    const file = this.#files.get(path) ?? openInput(path).file;
    this.#files.set(path, file);
    return file;
  }

  /** Bytes of a file, end exclusive. @throws NuwaError when it cannot be read or ends before */
  read(path: string, begin: number, end: number): Uint8Array {
    return readWhole(this.open(path), path, begin, end);
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }
}

/** A tensor of float32 on the current backend. The bytes may change afterwards. */
export function floatTensor(dtype: FloatDtype, bytes: Uint8Array, shape: readonly number[]): tf.Tensor {
  return nativeFloats(dtype, bytes, shape) ?? tf.tensor(floatsOf(dtype, bytes), [...shape], "float32");
}

/** Floats as float32, in memory of their own. */
export function floatsOf(dtype: FloatDtype, { buffer, byteOffset, byteLength }: Uint8Array): Float32Array {
  if (dtype === "F32") return new Float32Array(buffer, byteOffset, byteLength / 4).slice();
  const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
  return dtype === "F16" ? float16ToFloat32(halves) : bfloat16ToFloat32(halves);
}

/** One NaN in a weight makes every answer nonsense; where it is read it can still be named. */
export function nonFiniteWeight({ file, entry }: TensorLocation, value: number): NuwaError {
  return new NuwaError(
    `${file.path}: tensor ${shown(entry.name)} holds ${value}. The file is damaged; fetch it again.`,
  );
}
