import { resolve } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { Command } from "commander";
import { measure } from "../../analysis/measure.ts";
import { useBackend } from "../../backend/select.ts";
import type { Box } from "../../core/boxes.ts";
import { UsageError } from "../../core/errors.ts";
import { tensorsIn } from "../../core/readback.ts";
import { requireWritableFile } from "../../io/files.ts";
import { loadModel, openModel } from "../../io/load.ts";
import { writeSafetensors } from "../../io/safetensors.ts";
import { disposeModel } from "../../model/vlm.ts";
import { checkIds, imagesOf, readInputs } from "../inputs.ts";
import { addRunOptions, methodFrom, type RunOptions, requireText } from "../options.ts";
import { MEASURE_NAMES, measuresNamed } from "./measures.ts";

interface InspectOptions extends RunOptions {
  readonly model: string;
  readonly inputs: string;
  readonly measure: string;
  readonly box?: Box;
  readonly dump: string;
}

/** `nuwa inspect`: measures what happens inside a pass. */
export function addInspect(program: Command): void {
  const command = program
    .command("inspect")
    .description("measure what happens inside a pass: entropy and flow of attention, logit lens, blocking, patching, …")
    .requiredOption("--model <folder>", "checkpoint folder")
    .requiredOption("--inputs <file>", "safetensors with input_ids [n] and pixel_values, as nuwa forward reads it")
    .requiredOption("--measure <names>", `any of ${MEASURE_NAMES.join(", ")}, separated by commas`)
    .option(
      "--box <x1,y1,x2,y2>",
      "an object, in shares of the picture as the tower sees it: for cohesion",
      parseBoxOption,
    )
    .requiredOption("--dump <file>", "safetensors to write");
  addRunOptions(command, "none").action(inspect);
}

function parseBoxOption(text: string): Box {
  const edges = text.split(",").map((edge) => (/^\s*\d*\.?\d+(?:e-?\d+)?\s*$/i.test(edge) ? Number(edge) : Number.NaN));
  if (edges.length !== 4 || !edges.every((edge) => edge >= 0 && edge <= 1))
    throw new UsageError(`--box ${text}: must be x1,y1,x2,y2, each from 0 to 1.`);
  const [x0, y0, x1, y1] = edges;
  if (x0 >= x1 || y0 >= y1) throw new UsageError(`--box ${text}: x1 must be less than x2, and y1 less than y2.`);
  return [x0, y0, x1, y1];
}

async function inspect(options: InspectOptions): Promise<void> {
  requireWritableFile(requireText("--dump", options.dump));
  if (resolve(options.dump) === resolve(options.inputs))
    throw new UsageError("--dump and --inputs name the same file. Give the dump a path of its own.");
  const inputs = readInputs(requireText("--inputs", options.inputs));
  const opened = openModel(requireText("--model", options.model));
  checkIds(options.inputs, inputs, opened.config);
  const { method } = await methodFrom(options, opened.config);
  if (!inputs.pixels) throw new UsageError(`${options.inputs}: has no pixel_values; an analysis is of an image.`);
  const backend = await useBackend(options.backend);
  const images = imagesOf(options.inputs, inputs);
  const held: tf.Tensor[] = tensorsIn(images);
  const prompt = { prompts: [inputs.ids], promptsOrigin: `${options.inputs}: input_ids` };
  try {
    const mirrored = () => {
      const pixels = images.pixels as tf.Tensor;
      if (pixels.rank !== 4 && pixels.rank !== 3)
        throw new UsageError("--measure patching needs pixels [3, H, W], which this family does not take.");
      const flipped = tf.reverse(pixels, pixels.rank - 1);
      held.push(flipped);
      return { inputs: { ...images, ...prompt, pixels: flipped }, method };
    };
    const measures = measuresNamed(options.measure, { layers: opened.config.facts.layers, box: options.box, mirrored });
    const model = loadModel(opened);
    try {
      const found = await measure(model, { ...images, ...prompt }, method, measures);
      writeSafetensors(options.dump, Object.values(found).flat());
      process.stdout.write(`backend    ${backend.name} (${backend.reason})\nwrote      ${options.dump}\n`);
    } finally {
      disposeModel(model);
    }
  } finally {
    tf.dispose(held);
  }
}
