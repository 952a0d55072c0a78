import type { Command } from "commander";
import { requireWritableFile } from "../io/files.ts";
import { preprocess } from "../io/image.ts";
import { openModel } from "../io/load.ts";
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
      const { config } = openModel(requireText("--model", model));
      const image = await preprocess(requireText("the image", imagePath), preprocessingOf(model, config));
      writeSafetensors(dump, pixelEntries(image));
      process.stdout.write(`wrote      ${dump}\n`);
    });
}

/** The tensors of a prepared image, by their names in transformers. */
export function pixelEntries({ pixelValues, size }: PreparedPixels): [string, TensorValues][] {
  const entries: [string, TensorValues][] = [["pixel_values", pixelValues]];
  // [height, width] of the picture, or its patches in time, rows and columns.
  if (size)
    entries.push([
      size.length === 2 ? "image_sizes" : "image_grid_thw",
      { shape: [1, size.length], values: Int32Array.from(size) },
    ]);
  return entries;
}
