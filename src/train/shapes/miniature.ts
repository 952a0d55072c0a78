import type * as tf from "@tensorflow/tfjs";
import type { Grid } from "../../core/grid.ts";
import type { TensorValues } from "../../io/safetensors.ts";
import type { ImageInputs, Vlm, VlmConfig } from "../../model/vlm.ts";
import type { Scene } from "../../world/scene.ts";
import type { Dialect } from "./dialect.ts";

/** What the vision tower makes of pictures, as pretraining reads it. */
export interface Seen {
  /** What is taught to say what each patch shows. */
  readonly states: readonly {
    /** Names the heads that read it. */
    readonly head: string;
    /** Patches in raster order, [I, P, D]. */
    readonly patches: tf.Tensor3D;
    /** The class token, [I, 1, D]; undefined in a family without one. */
    readonly whole: tf.Tensor3D | undefined;
  }[];
  /** The visual tokens, [I, N, Hd]. */
  readonly tokens: tf.Tensor3D;
}

/** A small model of a family, as trainings see it. */
export interface Miniature {
  readonly config: VlmConfig;
  readonly dialect: Dialect;
  /** Side of its pictures in pixels. */
  readonly side: number;
  /** Patches of its tower. */
  readonly patches: Grid;
  /** Cells of a picture: visual tokens. */
  readonly cells: Grid;
  /** Channels of the tower (D). */
  readonly towerWidth: number;
  /** Names of the heads of {@link Seen}. */
  readonly heads: readonly string[];
  /** Whether a tower knows where in the picture a patch is; else boxes are told from the middle of the patch. */
  readonly knowsPlaces: boolean;
  /** Scenes as normalised pixels, picture by picture, in the order in which the model takes them. */
  pixelsOf(scenes: readonly Scene[]): Promise<Float32Array>;
  /** Pixels of whole pictures as tensors. */
  images(pixels: Float32Array): ImageInputs;
  see(tensors: ReadonlyMap<string, tf.Tensor>, images: ImageInputs): Seen;
  create(tensors: ReadonlyMap<string, tf.Tensor>): Vlm;
  /** Whether a weight belongs to the vision tower, to what makes visual tokens of its output, or to the decoder. */
  partOf(weight: string): "tower" | "projector" | "decoder" | undefined;
  /** All files of a Hugging Face folder but `model.safetensors`, by name. */
  files(): Readonly<Record<string, unknown>>;
  /** Weights that transformers asks for and nothing reads, as on disk. */
  unread(): readonly (readonly [name: string, TensorValues])[];
}
