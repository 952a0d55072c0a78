import type { Command } from "commander";
import { readCheckpointJson } from "../io/checkpoint.ts";
import { requireWritableFile } from "../io/files.ts";
import { preprocess } from "../io/image.ts";
import { configOf } from "../io/load.ts";
import { preprocessingOf } from "../io/preprocessing.ts";
import { type TensorValues, writeSafetensors } from "../io/safetensors.ts";
import type { PreparedPixels } from "../model/preprocessing.ts";
import { SHIPPED_MODEL } from "./about.ts";
import { requireText } from "./options.ts";

/** `nuwa preprocess`: what a family's processor makes of a picture, for `nuwa forward` and other programs. */
export function addPreprocess(program: Command): void {
  program
    .command("preprocess")
    .description("write pixel_values of a picture, and image_sizes or image_grid_thw where the model needs them")
    .argument("<image>", "image file")
    .option("--model <folder>", "checkpoint folder", SHIPPED_MODEL)
    .requiredOption("--dump <file>", "safetensors to write")
    .action(async (imagePath: string, { model, dump }: { model: string; dump: string }) => {
      requireWritableFile(requireText("--dump", dump));
      const config = configOf(readCheckpointJson(requireText("--model", model)));
      const image = await preprocess(requireText("the image", imagePath), preprocessingOf(model, config));
      writeSafetensors(dump, pixelEntries([image]));
      process.stdout.write(`wrote      ${dump}\n`);
    });
}

/** The tensors of prepared images by their names in transformers; tiles or patches stand one after the other. */
export function pixelEntries(images: readonly PreparedPixels[]): [string, TensorValues][] {
  const entries: [string, TensorValues][] = [["pixel_values", joined(images.map(({ pixelValues }) => pixelValues))]];
  // [height, width] of the picture, or its patches in time, rows and columns.
  const sizes = images.flatMap(({ size }) => (size ? [size] : []));
  if (sizes.length > 0)
    entries.push([
      sizes[0].length === 2 ? "image_sizes" : "image_grid_thw",
      { shape: [sizes.length, sizes[0].length], values: Int32Array.from(sizes.flat()) },
    ]);
  return entries;
}

/** One image is left as it is; an image of one tile gets an axis of images among several. */
function joined(pixels: readonly PreparedPixels["pixelValues"][]): TensorValues {
  if (pixels.length === 1) return pixels[0];
  const [{ shape }] = pixels;
  const inner = shape.length === 3 ? shape : shape.slice(1);
  const values = new Float32Array(pixels.reduce((sum, own) => sum + own.values.length, 0));
  let at = 0;
  for (const own of pixels) {
    values.set(own.values, at);
    at += own.values.length;
  }
  return { shape: [values.length / inner.reduce((product, size) => product * size, 1), ...inner], values };
}
