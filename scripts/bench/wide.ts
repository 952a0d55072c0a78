import * as tf from "@tensorflow/tfjs";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { noTap } from "../../src/core/taps.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { familyOf } from "../../src/model/families.ts";
import type { ImageShape } from "../../src/model/image-shape.ts";
import { disposeModel, type ImageInputs, type Vlm } from "../../src/model/vlm.ts";
import { batchOf } from "../../src/pipeline/processor.ts";
import { type Measured, measureMethods } from "./measure.ts";
import { countParameters, randomModel, requireRoom } from "./shapes.ts";

/** Of a prompt, about. */
const TOKENS = 3000;

/** A few layers of a large model at its real widths, in the words of a checkpoint's config.json. */
export interface WideShape {
  readonly name: string;
  readonly description: string;
  readonly config: Record<string, unknown>;
  /** Width and height of the picture. */
  readonly picture: readonly [number, number];
}

/** Large pictures in models of their real widths: as few layers as both prunings of both readings need. */
export const WIDE_SHAPES: readonly WideShape[] = [
  {
    name: "next",
    description: "LLaVA-NeXT 7B's widths, 4 blocks and 2 decoder layers; 672×672 pixels, 5 tiles",
    config: {
      model_type: "llava_next",
      image_token_index: 3,
      vision_config: {
        hidden_size: 1024,
        intermediate_size: 4096,
        num_hidden_layers: 4,
        num_attention_heads: 16,
        image_size: 336,
        patch_size: 14,
      },
      text_config: { vocab_size: 1000, num_hidden_layers: 2, max_position_embeddings: 4096 },
    },
    picture: [672, 672],
  },
  {
    name: "qwen",
    description: "Qwen2.5-VL 7B's widths, 4 blocks (2 of them over everything) and 3 decoder layers; 1120×896 pixels",
    config: {
      model_type: "qwen2_5_vl",
      image_token_id: 3,
      vision_config: { depth: 4, hidden_size: 1280, fullatt_block_indexes: [1, 3] },
      vocab_size: 1000,
      hidden_size: 3584,
      intermediate_size: 18944,
      num_hidden_layers: 3,
      num_attention_heads: 28,
      num_key_value_heads: 4,
      rms_norm_eps: 1e-6,
      rope_scaling: { type: "mrope", mrope_section: [16, 24, 24] },
    },
    picture: [1120, 896],
  },
];

/** What the benchmark found for one of these on one backend. Times in milliseconds. */
export interface WideReport {
  readonly backend: string;
  readonly shape: string;
  readonly description: string;
  readonly parameters: number;
  readonly runs: number;
  readonly passes: Readonly<Record<"unpruned" | "official" | "paper", Measured>>;
  /** Largest resident set of the process until now, in bytes: weights, passes and Node itself. */
  readonly peakResident: number;
}

const SEED = 1;
/** Text tokens before and after the image. */
const [BEFORE, AFTER] = [35, 20];

/** Measures unpruned passes and both readings of Nüwa at an average of 1/9. */
export async function benchmarkWide(backend: string, shape: WideShape, runs: number): Promise<WideReport> {
  const family = familyOf(`shape ${shape.name}`, shape.config);
  const config = family.parseConfig(`shape ${shape.name}`, shape.config);
  const [width, height] = shape.picture;
  const random = randomFrom(SEED);
  const pixels = Uint8Array.from({ length: width * height * 3 }, () => 128 + 40 * normal(random));
  const prepared = family.parsePreprocessing("processor", {}, config).prepare({ width, height, pixels });
  // As when a checkpoint is read: too large weights are refused before any is made.
  requireRoom(shape, config, TOKENS);
  const images = batchOf([prepared]);
  const model = randomModel(config, SEED);
  const words = (count: number) => Array.from({ length: count }, (_, i) => config.imageTokenId + 1 + i);
  const prompts = [[...words(BEFORE), config.imageTokenId, ...words(AFTER)]];
  try {
    const imageShape = shapeSeen(model, images);
    const average = { ratio: 1 / 9 };
    const methods = [
      createMethod("none", config, {}, imageShape),
      ...(["official", "paper"] as const).map((variant) =>
        createMethod("nuwa", config, { average, variant }, imageShape),
      ),
    ];
    const [unpruned, official, paper] = await measureMethods(model, { ...images, prompts }, methods, runs);
    return {
      backend,
      shape: shape.name,
      description: shape.description,
      parameters: countParameters(model),
      runs,
      passes: { unpruned, official, paper },
      peakResident: 1024 * process.resourceUsage().maxRSS,
    };
  } finally {
    disposeModel(model);
    images.pixels.dispose();
  }
}

/** The shape of the only image. */
function shapeSeen(model: Vlm, images: ImageInputs): ImageShape {
  const encoded = runSync(() => model.encode(images, noTap));
  tf.dispose(tensorsIn(encoded));
  return encoded[0].shape;
}

const ROWS = ["vision tower", "stage 1", "projector", "prefill", "stage 2", "pass", "decode"] as const;

/** Prints the figures of one model on one backend. */
export function printWide({ backend, shape, description, parameters, runs, passes, peakResident }: WideReport): void {
  const measured = Object.entries(passes);
  const line = (name: string, cells: readonly string[]) =>
    console.log([name.padEnd(34), ...cells.map((cell) => cell.padStart(10))].join("  "));
  console.log(`\n${backend}, ${shape}: ${description} (${(parameters / 1e6).toFixed(0)} M parameters)\n`);
  line(
    `seconds, median of ${runs}`,
    measured.map(([name]) => name),
  );
  for (const row of ROWS)
    line(
      row === "decode" ? "decode per token" : row,
      measured.map(([, { median }]) => (median[row] / 1000).toFixed(2)),
    );
  line(
    "visual tokens entering the layers",
    measured.map(([, { tokens }]) => tokens.join(" ")),
  );
  console.log(`peak resident memory of the process: ${(peakResident / 1e9).toFixed(2)} GB`);
}
