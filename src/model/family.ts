import type * as tf from "@tensorflow/tfjs";
import type { z } from "zod";
import type { TapFacts } from "../core/tap-points.ts";
import type { ImageShape } from "./image-shape.ts";
import type { PixelValues } from "./mirrored.ts";
import type { Preprocessing } from "./preprocessing.ts";
import type { Capability, ImageSizes, Vlm, VlmConfig } from "./vlm.ts";
import type { WeightSource } from "./weights.ts";

/** What the files of a checkpoint are read with; it also knows which fields change nothing here. */
export interface FileSchemas {
  /** config.json. */
  readonly config: z.ZodObject;
  /** config.json of a vision tower in a folder of its own. */
  readonly tower?: z.ZodObject;
  /** What describes the image processor, one level down in processor_config.json. */
  readonly processor: z.ZodObject;
}

/** The parts of a model in words and sizes, one line each. */
export interface Description {
  readonly tower: string;
  readonly projector: string;
  /** What images become: grids, tiles or windows. */
  readonly images: string;
}

/** A family of vision-language models: everything that is read from the files of a checkpoint. */
export interface Family<Config extends VlmConfig = VlmConfig> {
  /** As in `model_type` of config.json. */
  readonly name: string;
  /** Whether a config.json is one of this family's. */
  readonly recognises: (config: Record<string, unknown>) => boolean;
  /** What its models offer to methods; their `facts` say the same. */
  readonly capabilities: readonly Capability[];
  /**
   * The configuration from the JSON files of a checkpoint.
   *
   * @param where the path of config.json, for errors
   * @param generationConfig generation_config.json or `{}`
   * @param towerConfig config.json of a vision tower in a folder of its own
   * @throws NuwaError naming file and field
   */
  readonly parseConfig: (
    where: string,
    config: Record<string, unknown>,
    generationConfig?: Record<string, unknown>,
    towerConfig?: Record<string, unknown>,
  ) => Config;
  /** @param config config.json, unchecked */
  readonly schemas: (config: Readonly<Record<string, unknown>>) => FileSchemas;
  readonly describe: (config: Config) => Description;
  /** Shapes and meanings of the points of its passes, where they differ from those of `tapPoints`. */
  readonly taps: (config: Config) => TapFacts;
  /** Who writes tensors under such names. @param names as they stand in the files */
  readonly layoutOf: (names: readonly string[]) => string;
  /** The canonical name of a tensor on disk; undefined for what is no weight. */
  readonly canonicalName: (name: string) => string | undefined;
  /** Every tensor that a configuration needs, with its shape on disk. */
  readonly tensorShapes: (config: Config) => ReadonlyMap<string, readonly number[]>;
  /**
   * @param tensors by canonical name, in the shapes of the checkpoint
   * @param source gives all weights where `tensors` holds only some of them
   */
  readonly createModel: (config: Config, tensors: ReadonlyMap<string, tf.Tensor>, source?: WeightSource) => Vlm<Config>;
  /**
   * What a prepared image becomes.
   *
   * @param size what its preprocessing says besides the pixels, see `PreparedPixels`; a family that needs it gets it
   */
  readonly shapeOf: (config: Config, size?: readonly number[]) => ImageShape;
  /**
   * What each image of a batch becomes, see `Vlm.shapesOf`.
   *
   * @throws NuwaError when the pixels have another size than the model sees
   */
  readonly shapesOf: (config: Config, images: ImageSizes) => readonly ImageShape[];
  /**
   * The pixels of one prepared image with its left and right exchanged, laid out as its preprocessing does.
   *
   * @param pixels and size, as for `shapeOf`, that `shapesOf` accepts
   */
  readonly mirrored: (config: Config, pixels: PixelValues, size?: readonly number[]) => Float32Array;
  /**
   * The conversation that the family was trained on, a Jinja template in the form of Hugging Face, for checkpoints
   * that bring none. `image_token` is what to write for an image.
   *
   * @param config config.json
   */
  readonly chatTemplate: (config: Readonly<Record<string, unknown>>) => string;
  /**
   * The preprocessing that a processor's file asks for.
   *
   * @param where the path of the file, for errors
   * @throws NuwaError naming the file and the field that is not supported
   */
  readonly parsePreprocessing: (where: string, processor: Record<string, unknown>, config: Config) => Preprocessing;
}
