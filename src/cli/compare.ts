import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { measureCost } from "../analysis/cost/meter.ts";
import { printable, UsageError } from "../core/errors.ts";
import type { Picture } from "../core/resample.ts";
import { shown } from "../core/schema.ts";
import { chain } from "../core/taps.ts";
import { missedAverage } from "../eval/run/missed-average.ts";
import { requireWritableFolder, writeAtomically } from "../io/files.ts";
import { readPicture } from "../io/image.ts";
import { loadProcessor, openModel } from "../io/load.ts";
import { whileLocked } from "../io/lock.ts";
import { definitionNamed } from "../io/method-file.ts";
import { requireOwnFile } from "../io/opening.ts";
import type { SampleLedger } from "../methods/ledger.ts";
import { type Pruning, takesAverage } from "../methods/method.ts";
import { none } from "../methods/none.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../methods/nuwa/positions.ts";
import { disposeModel, type VlmConfig } from "../model/vlm.ts";
import { answer } from "../pipeline/answer.ts";
import { buildPrompt, IMAGE_MARKER } from "../pipeline/processor.ts";
import { type ComparedRun, comparedWith, comparisonCells, comparisonTable } from "../view/comparison.ts";
import { drawComparison } from "../view/comparison-picture.ts";
import { renderPng } from "../view/drawing/png.ts";
import { reportHtml } from "../view/report.ts";
import { SHIPPED_MODEL } from "./about.ts";
import { filesIn, requireApart } from "./apart.ts";
import { type Asked, askedOf } from "./ask/asked.ts";
import { describeTruth, knownOf } from "./ask/scene-truth.ts";
import { describeMethod, settingOf } from "./ask-record.ts";
import { useBackendFor } from "./backend.ts";
import { collect } from "./dump.ts";
import { addMemoryOption, loadWithin, type MemoryOption } from "./memory.ts";
import {
  type AskedMethod,
  backendOption,
  methodFrom,
  parseCount,
  parseInteger,
  type RunOptions,
  requireFit,
  requireText,
} from "./options.ts";
import { passProgress } from "./pass-progress.ts";
import { commandLine, REPORT_OPTION, requireReport, versionsWith } from "./report.ts";
import { say } from "./say.ts";

interface CompareOptions extends MemoryOption {
  readonly methods: string;
  readonly image?: readonly string[];
  readonly variant?: string;
  readonly positions?: PositionPolicy;
  readonly model: string;
  readonly average?: string;
  readonly out?: string;
  readonly report?: string;
  readonly maxNewTokens: number;
  readonly seed: number;
  readonly backend?: string;
}

const FILES = ["compare.png", "compare.svg", "compare.json"];

/** `nuwa compare`: two or more methods on one question, beside the unpruned model. */
export function addCompare(program: Command): void {
  addMemoryOption(program.command("compare"))
    .description("ask one question under several methods, and see side by side what each keeps, answers and saves")
    .argument("[image]", "image file, unless --image gives images")
    .argument("[question]", `question about it; ${IMAGE_MARKER} in it says where each image stands`)
    .option("--image <file>", "image file; may be given more than once", collect)
    .requiredOption("--methods <names>", "two or more methods, or paths of files of your own, separated by commas")
    .addOption(
      new Option("--model <folder>", "checkpoint folder").default(SHIPPED_MODEL, "the one that comes with the project"),
    )
    .option(
      "--average <tokens>",
      "average visual tokens per decoder layer: a number such as 64, or a ratio (default: what each method " +
        "published, else 1/9)",
    )
    .option("--variant <name>", "reading of those methods that have several, official or paper (default: official)")
    .addOption(
      new Option("--positions <policy>", "position ids of the kept tokens (default: each method's own)").choices([
        ...POSITION_POLICIES,
      ]),
    )
    .option("--out <folder>", "also write compare.png, compare.svg and compare.json there")
    .option(...REPORT_OPTION)
    .option("--max-new-tokens <n>", "longest answer", parseCount, 32)
    .option("--seed <integer>", "seed of everything random", parseInteger, 44)
    .addOption(backendOption())
    .action(compare);
}

async function compare(
  first: string | undefined,
  second: string | undefined,
  options: CompareOptions,
  command: Command,
): Promise<void> {
  const asked = askedOf("compare", first, second, options.image);
  const names = options.methods.split(",").map((name) => name.trim());
  requireSeveral(names);
  requireReport(options.report);
  const { out } = options;
  requireApart(
    [["--report", options.report], ...filesIn(out, FILES)],
    asked.paths.map((path) => ["the image", path]),
  );
  const line = commandLine(command);
  if (out === undefined) return compareNamed(names, asked, options, line);
  requireWritableFolder(resolve(requireText("--out", out)));
  await whileLocked(out, () => {
    // What could not be written afterwards.
    for (const file of FILES) requireOwnFile(join(out, file));
    return compareNamed(names, asked, options, line);
  });
}

/** @throws UsageError unless there are two methods or more, each once */
function requireSeveral(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (names.includes("")) throw new UsageError("--methods has an empty name. Write methods like nuwa,visionzip.");
  if (twice !== undefined) throw new UsageError(`--methods names ${shown(twice)} twice. Name each method once.`);
  if (names.includes("none"))
    throw new UsageError("--methods: the unpruned run stands beside the others in any case. Leave none out.");
  if (names.length < 2) throw new UsageError("--methods: needs two methods or more, such as nuwa,visionzip.");
}

/** A method of a comparison, and the options that it was made from. */
interface ComparedMethod extends AskedMethod {
  readonly options: RunOptions;
}

/** @throws UsageError when a method does not exist or does not fit, or --variant fits none of them */
async function methodsFrom(
  names: readonly string[],
  { average, variant, positions, seed }: CompareOptions,
  config: VlmConfig,
): Promise<ComparedMethod[]> {
  const definitions = [];
  for (const name of names) definitions.push(await definitionNamed(requireText("--methods", name)));
  if (variant !== undefined && !definitions.some(({ variants }) => variants))
    throw new UsageError(`--variant is a reading of nuwa or holov; none of ${names.join(", ")} has one. Leave it out.`);
  if (average !== undefined && !definitions.some(takesAverage))
    throw new UsageError(`--average ${average}: none of ${names.join(", ")} has a budget. Leave it out.`);
  const methods: ComparedMethod[] = [];
  for (const [i, method] of names.entries()) {
    const own = {
      ...(takesAverage(definitions[i]) ? { average } : {}),
      ...(definitions[i].variants ? { variant } : {}),
    };
    const options = { method, seed, positions, ...own };
    methods.push({ ...(await methodFrom(options, config)), options });
  }
  return methods;
}

async function compareNamed(
  names: readonly string[],
  { paths, text: question }: Asked,
  options: CompareOptions,
  line: string,
): Promise<void> {
  const { seed, maxNewTokens } = options;
  // Everything that can be wrong with files and options is found before the weights are read.
  const opened = openModel(requireText("--model", options.model));
  const { config } = opened;
  const methods = await methodsFrom(names, options, config);
  const processor = loadProcessor(opened);
  buildPrompt(processor.template, processor.tokenizer, config.imageTokenId, question, paths.length);
  const pictures: Picture[] = [];
  for (const path of paths) pictures.push(await readPicture(requireText("the image", path), processor.preprocessing));
  const images = pictures.map((picture) => processor.preprocessing.prepare(picture));
  for (const { method } of methods) requireFit(method, opened, images);
  const backend = await useBackendFor(opened, options.backend);
  const vlm = { ...processor, model: loadWithin(opened, options) };
  try {
    const progress = passProgress(process.stderr, vlm.model);
    const runOf = async (method: string, pruning: Pruning): Promise<ComparedRun> => {
      const { result, cost } = await measureCost((meter) =>
        answer(vlm, images, question, { method: pruning, maxNewTokens, tap: chain(meter, progress.tap(method)) }),
      );
      progress.end();
      return { method, answer: result, ledger: result.ledger as SampleLedger, cost };
    };
    const unpruned = await runOf("none", none());
    const runs = [unpruned];
    for (const { definition, method } of methods) runs.push(await runOf(definition.name, method));
    const compared = runs.map((run) => comparedWith(unpruned, run, config));
    say("backend", `${backend.name} (${backend.reason})`);
    for (const one of methods) say("method", describeMethod(one, one.options));
    const known = await knownOf(paths, question);
    if (known.truth) say("truth", describeTruth(known.truth));
    for (const line of comparisonTable(compared)) process.stdout.write(`${printable(line)}\n`);
    for (const { method, visualTokensPerLayer } of compared)
      say("per layer", `${method}: ${visualTokensPerLayer.join(" ")}`);
    const notes = methods.flatMap(({ definition, options: { average = null } }, i) => {
      const setting = { method: definition.name, variant: null, average };
      return missedAverage(setting, compared[i + 1].visualTokensPerLayer, unpruned.ledger.total) ?? [];
    });
    for (const note of notes) say("note", note);
    if (options.out === undefined && options.report === undefined) return;
    const svg = await drawComparison({
      images: images.map((image, i) => ({ picture: pictures[i], grids: image.pictures })),
      question,
      truth: known.truth && { text: known.truth.answer, box: known.truth.box },
      runs: runs.map((run, i) => ({ run, compared: compared[i] })),
    });
    if (options.report !== undefined) {
      const [head, ...rows] = comparisonCells(compared);
      const html = reportHtml({
        title: question,
        facts: [
          [images.length === 1 ? "image" : "images", paths.join(", ")],
          ["question", question],
          ...(known.truth ? [["truth", known.truth.answer] as [string, string]] : []),
          ...notes.map((note): [string, string] => ["note", note]),
          ...methods.map((one): [string, string] => ["method", describeMethod(one, one.options)]),
          ["model", options.model],
        ],
        sections: [
          { heading: "Side by side", table: { head, rows } },
          { heading: "What each method keeps", svg },
        ],
        command: line,
        versions: versionsWith(`${backend.name} (${backend.reason})`),
      });
      writeAtomically(options.report, html);
      say("wrote", options.report);
    }
    if (options.out === undefined) return;
    const [first, ...others] = compared;
    const record = {
      ...{ images: paths, question, model: options.model, family: config.family, backend: backend.name },
      ...{ seed, maxNewTokens, visualTokens: unpruned.ledger.total, unpruned: first },
      methods: others.map((one, i) => ({ ...one, ...settingOf(methods[i], methods[i].options) })),
    };
    const [png, drawing, json] = FILES.map((file) => join(options.out as string, file));
    writeAtomically(drawing, svg);
    writeAtomically(png, await renderPng(svg));
    writeAtomically(json, `${JSON.stringify(record, null, 2)}\n`);
    say("wrote", [png, drawing, json].join(", "));
  } finally {
    disposeModel(vlm.model);
  }
}
