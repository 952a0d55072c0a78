import { UsageError } from "../../core/errors.ts";
import type { Picture } from "../../core/resample.ts";
import { requireWritableFile } from "../../io/files.ts";
import { readPicture } from "../../io/image.ts";
import { loadProcessor, type OpenedModel, openModel } from "../../io/load.ts";
import { requireOwnFile } from "../../io/opening.ts";
import { writeSafetensors } from "../../io/safetensors.ts";
import type { PreparedImage } from "../../model/preprocessing.ts";
import { buildPrompt } from "../../pipeline/processor.ts";
import { filesIn, type NamedPath, requireApart } from "../apart.ts";
import { RECORD_FILES, recordPaths } from "../ask-record.ts";
import { requireDump, requireMet, tapsOf } from "../dump.ts";
import { type AskedMethod, methodFrom, requireFit, requireText } from "../options.ts";
import { pixelEntries } from "../preprocess.ts";
import { requireReport } from "../report.ts";
import type { Asked, AskOptions } from "./asked.ts";
import { type Known, knownOf } from "./scene-truth.ts";

/** All that a run needs but the weights. */
export interface Prepared {
  readonly opened: OpenedModel;
  readonly method: AskedMethod;
  /** The points that --tap names. */
  readonly taps: ReturnType<typeof tapsOf> | undefined;
  readonly processor: ReturnType<typeof loadProcessor>;
  /** The images as they were read, in the order of the prompt, and as the model sees them. */
  readonly pictures: readonly Picture[];
  readonly images: readonly PreparedImage[];
  readonly known: Known;
}

/**
 * Finds everything that can be wrong with options and files before the weights are read, and writes --dump-inputs.
 *
 * @throws UsageError or NuwaError naming the option or the file
 */
export async function prepare({ paths, text: question }: Asked, options: AskOptions): Promise<Prepared> {
  requireOutputs(options, paths);
  const opened = openModel(requireText("--model", options.model));
  const { config } = opened;
  const method = await methodFrom(options, config);
  if (options.explore && method.definition.keepsEverything)
    throw new UsageError(
      `--explore looks for more visual tokens: the method ${method.definition.name} keeps every one. ` +
        "Leave it out, or name a --method.",
    );
  if (options.explore && method.definition.publishedOnly)
    throw new UsageError(
      `--explore asks for more visual tokens: the method ${method.definition.name} has no budget. Leave it out.`,
    );
  if (options.collector && method.definition.keepsEverything)
    throw new UsageError(
      `--collector shows what a token is made of: the method ${method.definition.name} keeps each as it is. ` +
        "Leave it out, or name a --method.",
    );
  const taps = options.tap && tapsOf(options.tap, opened);
  requireMet(taps ?? [], method.definition, paths.length);
  const processor = loadProcessor(opened);
  const { ids } = buildPrompt(processor.template, processor.tokenizer, config.imageTokenId, question, paths.length);
  const images: PreparedImage[] = [];
  const pictures: Picture[] = [];
  for (const path of paths) {
    const picture = await readPicture(requireText("the image", path), processor.preprocessing);
    pictures.push(picture);
    images.push(processor.preprocessing.prepare(picture));
  }
  requireFit(method.method, opened, images);
  const known = await knownOf(paths, question);
  if (options.dumpInputs !== undefined)
    writeSafetensors(options.dumpInputs, [
      ...pixelEntries(images),
      ["input_ids", { shape: [ids.length], values: Int32Array.from(ids) }],
    ]);
  return { opened, method, taps, processor, pictures, images, known };
}

/** Refuses what could not be written afterwards. */
function requireOutputs(options: AskOptions, paths: readonly string[]): void {
  const { out, dump, dumpInputs, report, tap, constants, collector } = options;
  requireReport(report);
  if (collector && out === undefined && report === undefined)
    throw new UsageError("--collector says what the picture shows. Ask for one with --out or --report.");
  if (out !== undefined) for (const path of recordPaths(out)) requireOwnFile(path);
  requireDump(dump, tap);
  if (dumpInputs !== undefined) requireWritableFile(requireText("--dump-inputs", dumpInputs));
  const single: NamedPath[] = [
    ["--dump", dump],
    ["--dump-inputs", dumpInputs],
    ["--report", report],
  ];
  const inputs = paths.map((path): NamedPath => ["the image", path]);
  requireApart([...single, ...filesIn(out, RECORD_FILES)], [...inputs, ["--constants", constants]]);
}
