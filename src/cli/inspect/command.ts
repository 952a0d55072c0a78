import { resolve } from "node:path";
import type { Command } from "commander";
import type { Box } from "../../core/boxes.ts";
import { UsageError } from "../../core/errors.ts";
import { requireWritableFile, requireWritableFolder } from "../../io/files.ts";
import { whileLocked } from "../../io/lock.ts";
import { SHIPPED_MODEL } from "../about.ts";
import { filesIn, type NamedPath, requireApart } from "../apart.ts";
import { addRunOptions, parseCount, requireText } from "../options.ts";
import { commandLine, REPORT_OPTION, requireReport } from "../report.ts";
import { type InspectOptions, MEASURE_NAMES, outputNames, requireMeasures } from "./inspect-options.ts";

/** Said in the help: how long the slowest measure takes. */
const PATCHING_TAKES =
  "patching makes a pass for each layer and each row of the image and word, minutes in all where there are many";

/** `nuwa inspect`: measures what happens inside a pass. */
export function addInspect(program: Command): void {
  const command = program
    .command("inspect")
    .description("measure what happens inside a pass: entropy and flow of attention, logit lens, blocking, patching, …")
    .argument("[image]", "image file, unless --inputs gives tensors")
    .argument("[question]", "question about it")
    .option("--model <folder>", "checkpoint folder", SHIPPED_MODEL)
    .option("--inputs <file>", "safetensors with input_ids [n] and pixel_values, as nuwa forward reads it")
    .requiredOption("--measure <names>", `any of ${MEASURE_NAMES.join(", ")}, separated by commas; ${PATCHING_TAKES}`)
    .option(
      "--box <x1,y1,x2,y2>",
      "an object, in shares of the picture as the tower sees it: for cohesion",
      parseBoxOption,
    )
    .option("--token <number>", "one visual token, from 0: for provenance, which else sums over all", parseCount)
    .option("--layer <number>", "before which decoder layer --token is looked at (default: 0)", parseCount)
    .option("--source <image>", "the other picture of patching (default: the same one mirrored)")
    .option(
      "--after <tokens>",
      "measure behind this many tokens of the answer, which join the prompt (default: 0; a box begins with a bracket)",
      parseCount,
    )
    .option("--out <folder>", "write JSON and a plot for each measure there")
    .option("--dump <file>", "safetensors to write (docs/analyses.md lists the tensors)")
    .option(...REPORT_OPTION);
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

async function inspect(
  image: string | undefined,
  question: string | undefined,
  options: InspectOptions,
  command: Command,
): Promise<void> {
  const names = requireMeasures(options.measure);
  requireSubject(image, question, options);
  if (options.out === undefined && options.dump === undefined && options.report === undefined)
    throw new UsageError("nothing would be written. Add --out FOLDER, --report FILE or --dump FILE.");
  requireUsed(names, options);
  const { dump, report, out, inputs, source, constants } = options;
  const read: NamedPath[] = [
    ["the image", image],
    ["--inputs", inputs],
    ["--source", source],
    ["--constants", constants],
  ];
  requireApart([["--dump", dump], ["--report", report], ...filesIn(out, outputNames(names))], read);
  if (options.dump !== undefined) requireWritableFile(requireText("--dump", options.dump));
  requireReport(options.report);
  // Analyses, and the library that draws them, are loaded for this command alone: that takes a second.
  const { inspected } = await import("./inspected.ts");
  const work = () => inspected(image, question, options, names, commandLine(command));
  if (options.out === undefined) return work();
  requireWritableFolder(resolve(requireText("--out", options.out)));
  await whileLocked(options.out, work);
}

/** Refuses what no measure would look at. @throws UsageError naming the option */
function requireUsed(names: readonly string[], { box, source, token, layer }: InspectOptions): void {
  if (box !== undefined && !names.includes("cohesion"))
    throw new UsageError("--box is the object of --measure cohesion. Add that measure, or leave the box out.");
  if (source !== undefined && !names.includes("patching"))
    throw new UsageError("--source is the picture of --measure patching. Add that measure, or leave the source out.");
  if (token !== undefined && !names.includes("provenance"))
    throw new UsageError("--token is the one of --measure provenance. Add that measure, or leave the token out.");
  if (layer !== undefined && token === undefined)
    throw new UsageError("--layer says where --token is looked at. Add --token NUMBER, or leave the layer out.");
}

function requireSubject(image: string | undefined, question: string | undefined, options: InspectOptions): void {
  if (options.inputs === undefined) {
    if (question === undefined)
      throw new UsageError(
        `${image === undefined ? "image and question are" : "the question is"} missing. ` +
          'Write nuwa inspect IMAGE "QUESTION" --measure NAMES --out FOLDER.',
      );
    return;
  }
  if (image !== undefined) throw new UsageError("an image and --inputs are given. Use one of them.");
  if (options.after !== undefined) throw new UsageError("--after goes with an image, not with --inputs.");
  if (options.source !== undefined) throw new UsageError("--source goes with an image, not with --inputs.");
}
