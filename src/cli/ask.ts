import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { measureCost } from "../analysis/cost/meter.ts";
import type { BackendChoice } from "../backend/select.ts";
import { printable } from "../core/errors.ts";
import { chain, noTap, record, type Tap } from "../core/taps.ts";
import { missedAverage } from "../eval/run/missed-average.ts";
import type { Mark } from "../eval/tasks/marking.ts";
import { requireWritableFolder } from "../io/files.ts";
import { whileLocked } from "../io/lock.ts";
import { enteringPerLayer, type SampleLedger } from "../methods/ledger.ts";
import { defaultAverage, type Pruning, takesAverage } from "../methods/method.ts";
import { none } from "../methods/none.ts";
import { disposeModel } from "../model/vlm.ts";
import { type Answer, answer, type DecodingOptions, type LoadedVlm } from "../pipeline/answer.ts";
import { IMAGE_MARKER } from "../pipeline/processor.ts";
import { recordScores } from "../view/cut-scores.ts";
import { describeRun } from "../view/run-summary.ts";
import { verdict } from "../view/verdict.ts";
import { SHIPPED_MODEL } from "./about.ts";
import { type Asked, type AskOptions, askedOf, samplingOf, unknownWords } from "./ask/asked.ts";
import { collectorsIn, parseCell } from "./ask/collector.ts";
import { explore } from "./ask/explore.ts";
import { type Prepared, prepare } from "./ask/prepare.ts";
import { writeAskReport } from "./ask/report.ts";
import { describeMark, describeTruth, markOf } from "./ask/scene-truth.ts";
import { describeMethod, drawRecorded, type Recorded, writeRecords } from "./ask-record.ts";
import { useBackendFor } from "./backend.ts";
import { collect, writeDump } from "./dump.ts";
import { loadWithin } from "./memory.ts";
import { type AskedMethod, addRunOptions, methodFrom, parseCount, parseNumber, requireText } from "./options.ts";
import { passProgress } from "./pass-progress.ts";
import { promptNamed } from "./prompt.ts";
import { commandLine, REPORT_OPTION } from "./report.ts";
import { say } from "./say.ts";

/** `nuwa ask`: answers a question about a picture and shows what pruning did. */
export function addAsk(program: Command): void {
  const command = program
    .command("ask")
    .description("ask a question about an image, or about several, and see what pruning keeps")
    .argument("[image]", "image file, unless --image gives images")
    .argument("[question]", `question about it; ${IMAGE_MARKER} in it says where each image stands`)
    .option("--image <file>", "image file; may be given more than once", collect)
    .addOption(
      new Option("--model <folder>", "checkpoint folder").default(SHIPPED_MODEL, "the one that comes with the project"),
    )
    .option("--explore", "where pruning changed the answer, try larger averages until the unpruned answer holds")
    .option(
      "--collector <row,column>",
      "show what the token in this cell is made of, with --out or --report (default: the one that gathered most)",
      parseCell,
    )
    .option("--out <folder>", "also write picture.png, picture.svg and run.json there")
    .option(...REPORT_OPTION)
    .option("--max-new-tokens <n>", "longest answer", parseCount, 32)
    .option("--temperature <t>", "draw tokens at this temperature instead of taking the best one", parseNumber)
    .option(
      "--top-p <p>",
      "with --temperature: draw only from the most probable tokens that together reach this",
      parseNumber,
    )
    .option("--tap <pattern>", "write what passes at these points to --dump; may be given more than once", collect)
    .option("--dump <file>", "safetensors with what --tap names, of every decoding step")
    .option("--dump-inputs <file>", "safetensors with the pixel_values and input_ids that nuwa forward reads");
  addRunOptions(command, "nuwa").action(ask);
}

async function ask(
  first: string | undefined,
  second: string | undefined,
  options: AskOptions,
  command: Command,
): Promise<void> {
  const asked = askedOf("ask", first, second, options.image);
  samplingOf(options); // refuses bad values before anything is read
  const line = commandLine(command);
  if (options.out === undefined) return answerAsked(asked, options, line);
  requireWritableFolder(resolve(requireText("--out", options.out)));
  await whileLocked(options.out, () => answerAsked(asked, options, line));
}

async function answerAsked(asked: Asked, options: AskOptions, line: string): Promise<void> {
  const { opened, method, taps, processor, pictures, images, known } = await prepare(asked, options);
  const { config } = opened;
  const { paths, text: question } = asked;
  const backend = await useBackendFor(opened, options.backend);
  const vlm: LoadedVlm = { ...processor, model: loadWithin(opened, options) };
  describeInputs(options, asked, { opened, processor, images, backend });
  say("method", describeMethod(method, options));
  const recorder = record(taps ?? []);
  const scores = recordScores();
  try {
    const answerUnder = (under: Pruning, more: DecodingOptions = {}) => {
      const decoding = { maxNewTokens: options.maxNewTokens, ...samplingOf(options), ...more };
      return answer(vlm, images, question, { method: under, ...decoding });
    };
    const progress = passProgress(process.stderr, vlm.model);
    const measured = async (name: string, under: Pruning, watch: Tap, show?: (piece: string) => void) => {
      const seen = chain(watch, progress.tap(name));
      const found = await measureCost((meter) => answerUnder(under, { tap: chain(meter, seen), show }));
      progress.end();
      return found;
    };
    const shown = progress.isShown ? undefined : (piece: string) => void process.stdout.write(printable(piece));
    if (shown) process.stdout.write(`${"answer".padEnd(10)} `);
    const pruned = await measured(method.definition.name, method.method, chain(recorder.tap, scores.tap), shown);
    if (shown) process.stdout.write("\n");
    else say("answer", printable(pruned.result.text));
    const unpruned = method.definition.keepsEverything ? undefined : await measured("unpruned", none(), noTap);
    const ledger = pruned.result.ledger as SampleLedger;
    const chosen = options.collector && collectorsIn(ledger, options.collector);
    if (unpruned) say("unpruned", `${printable(unpruned.result.text)} (${verdict(unpruned.result, pruned.result)})`);
    const marked = (said: string) => known.truth && markOf(known.truth, said, images[0].boxUnit);
    const marks = describeMarks(marked, method.definition.name, pruned.result, unpruned?.result);
    if (known.truth) say("truth", describeTruth(known.truth));
    if (marks !== undefined) say("marked", marks);
    const exactCost = { pruned: pruned.cost, unpruned: (unpruned ?? pruned).cost };
    for (const line of describeRun(ledger, config, exactCost)) process.stdout.write(`${line}\n`);
    for (const note of [known.note, missedHint(method, options, ledger)]) if (note !== undefined) say("note", note);
    const explored =
      unpruned &&
      (await explore(
        {
          ...{ pruned: pruned.result, unpruned: unpruned.result, most: options.maxNewTokens },
          ...{ hasBudget: takesAverage(method.definition), exploring: options.explore },
        },
        async (average) => answerUnder((await methodFrom({ ...options, average }, config)).method),
        marked,
        say,
      ));
    if (options.dump !== undefined && taps) {
      await writeDump(options.dump, recorder, taps);
      say("wrote", options.dump);
    }
    if (options.dumpInputs !== undefined) say("wrote", options.dumpInputs);
    if (options.out === undefined && options.report === undefined) return;
    const recorded: Recorded = {
      images: paths,
      question,
      prompt: promptNamed(processor.template),
      backend: backend.name,
      config,
      drawnImages: images.map((image, i) => ({ picture: pictures[i], grids: image.pictures })),
      scores: await scores.read(),
      chosen,
      answer: pruned.result,
      unpruned: unpruned?.result,
      asked: method,
      exactCost,
      truth: known.truth && {
        ...known.truth,
        marks: { pruned: marked(pruned.result.text), unpruned: unpruned && marked(unpruned.result.text) },
      },
      explored,
    };
    const svg = await drawRecorded(recorded);
    if (options.out !== undefined) say("wrote", (await writeRecords(options, recorded, svg)).join(", "));
    if (options.report !== undefined) {
      await writeAskReport(options, recorded, { svg, marks, line, backend, vlm, images });
      say("wrote", options.report);
    }
  } finally {
    recorder.dispose();
    scores.dispose();
    disposeModel(vlm.model);
  }
}

/**
 * What is to be said where the average that was asked for is not what came out, as `nuwa eval` says it. Where none was
 * asked for it is the one that the method then takes; what a method has published by itself is no average to miss.
 */
function missedHint({ definition }: AskedMethod, options: AskOptions, ledger: SampleLedger): string | undefined {
  if (options.average === undefined && (definition.publishedAverage || !takesAverage(definition))) return undefined;
  const average = options.average ?? defaultAverage(definition);
  const setting = { method: definition.name, variant: options.variant ?? null, average };
  return missedAverage(setting, enteringPerLayer(ledger), ledger.total);
}

/** The lines about what is run and what is asked. */
function describeInputs(
  { model }: AskOptions,
  { paths, text }: Asked,
  {
    opened,
    processor,
    images,
    backend,
  }: Pick<Prepared, "opened" | "processor" | "images"> & { backend: BackendChoice },
): void {
  const { nuwa_note: note } = opened.checkpoint.config;
  say("backend", `${backend.name} (${backend.reason})`);
  say("model", `${model}${typeof note === "string" ? `: ${printable(note.replace(/\s+/g, " ")).slice(0, 200)}` : ""}`);
  const unknown = unknownWords(text, processor.tokenizer);
  if (unknown.length > 0) say("note", `the model does not know: ${unknown.join(", ")}`);
  paths.forEach((path, i) => {
    const seen = images[i].pictures.map(({ width, height }) => `${width}×${height}`).join(" and ");
    say("image", `${path}, seen as ${seen} pixels`);
  });
  say("prompt", promptNamed(processor.template));
}

/** The marks of both answers in one line; undefined where the truth is not known. */
function describeMarks(
  marked: (said: string) => Mark | undefined,
  method: string,
  pruned: Answer,
  unpruned: Answer | undefined,
): string | undefined {
  const answers = [{ name: method, ...pruned }, ...(unpruned ? [{ name: "unpruned", ...unpruned }] : [])];
  const marks = answers.flatMap(({ name, text }) => {
    const mark = marked(text);
    return mark ? [`${name} ${describeMark(mark)}`] : [];
  });
  return marks.length > 0 ? marks.join(", ") : undefined;
}
