import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { measureCost } from "../analysis/cost/meter.ts";
import { BACKEND_NAMES, useBackend } from "../backend/select.ts";
import { printable, UsageError } from "../core/errors.ts";
import type { Picture } from "../core/resample.ts";
import { shown } from "../core/schema.ts";
import { requireWritableFolder, writeAtomically } from "../io/files.ts";
import { readPicture } from "../io/image.ts";
import { loadModel, loadProcessor, openModel } from "../io/load.ts";
import { whileLocked } from "../io/lock.ts";
import { requireOwnFile } from "../io/opening.ts";
import type { SampleLedger } from "../methods/ledger.ts";
import { defaultAverage, type Pruning } from "../methods/method.ts";
import { none } from "../methods/none.ts";
import type { PreparedImage } from "../model/preprocessing.ts";
import { disposeModel } from "../model/vlm.ts";
import { answer } from "../pipeline/answer.ts";
import { buildPrompt } from "../pipeline/processor.ts";
import { type ComparedRun, comparedWith, comparisonCells, comparisonTable } from "../view/comparison.ts";
import { drawComparison } from "../view/comparison-picture.ts";
import { renderPng } from "../view/drawing/png.ts";
import { reportHtml } from "../view/report.ts";
import { SHIPPED_MODEL } from "./about.ts";
import { filesIn, requireApart } from "./apart.ts";
import { type AskedMethod, methodFrom, parseCount, parseInteger, requireFit, requireText } from "./options.ts";
import { commandLine, REPORT_OPTION, requireReport, versionsWith } from "./report.ts";
import { say } from "./say.ts";

interface CompareOptions {
  readonly methods: string;
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
  program
    .command("compare")
    .description("ask one question under several methods, and see side by side what each keeps, answers and saves")
    .argument("<image>", "image file")
    .argument("<question>", "question about it")
    .requiredOption("--methods <names>", "two or more methods, or paths of files of your own, separated by commas")
    .addOption(
      new Option("--model <folder>", "checkpoint folder").default(SHIPPED_MODEL, "the one that comes with the project"),
    )
    .option(
      "--average <tokens>",
      "average visual tokens per decoder layer: a number such as 64, or a ratio (default: what each method " +
        "published, else 1/9)",
    )
    .option("--out <folder>", "also write compare.png, compare.svg and compare.json there")
    .option(...REPORT_OPTION)
    .option("--max-new-tokens <n>", "longest answer", parseCount, 32)
    .option("--seed <integer>", "seed of everything random", parseInteger, 44)
    .addOption(
      new Option("--backend <name>", "tfjs backend (default: tensorflow where installed, else wasm)").choices([
        ...BACKEND_NAMES,
      ]),
    )
    .action(compare);
}

async function compare(image: string, question: string, options: CompareOptions, command: Command): Promise<void> {
  const names = options.methods.split(",").map((name) => name.trim());
  requireSeveral(names);
  requireReport(options.report);
  const { out } = options;
  requireApart([["--report", options.report], ...filesIn(out, FILES)], [["the image", image]]);
  const line = commandLine(command);
  if (out === undefined) return compareNamed(names, image, question, options, line);
  requireWritableFolder(resolve(requireText("--out", out)));
  await whileLocked(out, () => {
    // What could not be written afterwards.
    for (const file of FILES) requireOwnFile(join(out, file));
    return compareNamed(names, image, question, options, line);
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

async function compareNamed(
  names: readonly string[],
  path: string,
  question: string,
  options: CompareOptions,
  line: string,
): Promise<void> {
  const { average, seed, maxNewTokens } = options;
  // Everything that can be wrong with files and options is found before the weights are read.
  const opened = openModel(requireText("--model", options.model));
  const { config } = opened;
  const methods: AskedMethod[] = [];
  for (const method of names)
    methods.push(await methodFrom({ method, seed, ...(average === undefined ? {} : { average }) }, config));
  const processor = loadProcessor(opened);
  buildPrompt(processor.template, processor.tokenizer, config.imageTokenId, question, 1);
  const picture: Picture = await readPicture(requireText("the image", path), processor.preprocessing);
  const image: PreparedImage = processor.preprocessing.prepare(picture);
  for (const { method } of methods) requireFit(method, opened, [image]);
  const backend = await useBackend(options.backend);
  const vlm = { ...processor, model: loadModel(opened) };
  try {
    const runOf = async (method: string, pruning: Pruning): Promise<ComparedRun> => {
      const { result, cost } = await measureCost((tap) =>
        answer(vlm, image, question, { method: pruning, maxNewTokens, tap }),
      );
      return { method, answer: result, ledger: result.ledger as SampleLedger, cost };
    };
    const unpruned = await runOf("none", none());
    const runs = [unpruned];
    for (const { definition, method } of methods) runs.push(await runOf(definition.name, method));
    const compared = runs.map((run) => comparedWith(unpruned, run, config));
    say("backend", `${backend.name} (${backend.reason})`);
    for (const line of comparisonTable(compared)) process.stdout.write(`${printable(line)}\n`);
    for (const { method, visualTokensPerLayer } of compared)
      say("per layer", `${method}: ${visualTokensPerLayer.join(" ")}`);
    if (options.out === undefined && options.report === undefined) return;
    const svg = await drawComparison({
      image: { picture, grids: image.pictures },
      question,
      runs: runs.map((run, i) => ({ run, compared: compared[i] })),
    });
    if (options.report !== undefined) {
      const [head, ...rows] = comparisonCells(compared);
      const html = reportHtml({
        title: question,
        facts: [
          ["image", path],
          ["question", question],
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
    const averages = methods.map(({ definition }) => average ?? defaultAverage(definition));
    const record = {
      ...{ image: path, question, model: options.model, family: config.family, backend: backend.name },
      ...{ seed, maxNewTokens, visualTokens: unpruned.ledger.total, unpruned: first },
      methods: others.map((one, i) => ({ ...one, average: averages[i] })),
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
