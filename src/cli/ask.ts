import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { measureCost } from "../analysis/cost/meter.ts";
import { useBackend } from "../backend/select.ts";
import { printable, UsageError } from "../core/errors.ts";
import { mixedRandom } from "../core/random-numbers.ts";
import type { Picture } from "../core/resample.ts";
import { chain, noTap, record, type Tap } from "../core/taps.ts";
import { missedAverage } from "../eval/run/missed-average.ts";
import { requireWritableFile, requireWritableFolder } from "../io/files.ts";
import { readPicture } from "../io/image.ts";
import { loadModel, loadProcessor, openModel } from "../io/load.ts";
import { whileLocked } from "../io/lock.ts";
import { requireOwnFile } from "../io/opening.ts";
import { writeSafetensors } from "../io/safetensors.ts";
import { enteringPerLayer, type SampleLedger } from "../methods/ledger.ts";
import { defaultAverage, type Pruning } from "../methods/method.ts";
import { none } from "../methods/none.ts";
import type { PreparedImage } from "../model/preprocessing.ts";
import { disposeModel } from "../model/vlm.ts";
import { answer, type LoadedVlm } from "../pipeline/answer.ts";
import type { GenerateOptions } from "../pipeline/generate.ts";
import { buildPrompt, IMAGE_MARKER, type Tokenizer } from "../pipeline/processor.ts";
import { recordScores } from "../view/cut-scores.ts";
import { describeRun } from "../view/run-summary.ts";
import { verdict } from "../view/verdict.ts";
import { SHIPPED_MODEL } from "./about.ts";
import { describeMethod, type RecordedOptions, recordPaths, writeRecords } from "./ask-record.ts";
import { collect, requireDump, requireMet, tapsOf, writeDump } from "./dump.ts";
import {
  type AskedMethod,
  addRunOptions,
  methodFrom,
  parseCount,
  parseNumber,
  requireFit,
  requireText,
} from "./options.ts";
import { pixelEntries } from "./preprocess.ts";
import { promptNamed } from "./prompt.ts";

interface AskOptions extends RecordedOptions {
  readonly image?: readonly string[];
  readonly tap?: readonly string[];
  readonly dump?: string;
  readonly dumpInputs?: string;
}

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
    .option("--out <folder>", "also write picture.png, picture.svg and run.json there")
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

async function ask(first: string | undefined, second: string | undefined, options: AskOptions): Promise<void> {
  const asked = askedOf(first, second, options.image);
  samplingOf(options); // refuses bad values before anything is read
  if (options.out === undefined) return answerAsked(asked, options);
  requireWritableFolder(resolve(requireText("--out", options.out)));
  await whileLocked(options.out, () => answerAsked(asked, options));
}

async function answerAsked({ paths, text: question }: Asked, options: AskOptions): Promise<void> {
  // What could not be written afterwards.
  if (options.out !== undefined) for (const path of recordPaths(options.out)) requireOwnFile(path);
  requireDump(options.dump, options.tap);
  if (options.dumpInputs !== undefined) requireWritableFile(requireText("--dump-inputs", options.dumpInputs));
  if (
    options.dump !== undefined &&
    options.dumpInputs !== undefined &&
    resolve(options.dump) === resolve(options.dumpInputs)
  )
    throw new UsageError("--dump and --dump-inputs name the same file. Give each one of its own.");
  // Everything that can be wrong with the files is found before the weights are read.
  const opened = openModel(requireText("--model", options.model));
  const { config, checkpoint } = opened;
  const asked = await methodFrom(options, config);
  const taps = options.tap && tapsOf(options.tap, opened);
  requireMet(taps ?? [], asked.definition, paths.length);
  const processor = loadProcessor(opened);
  const { tokenizer, template } = processor;
  const { ids } = buildPrompt(template, tokenizer, config.imageTokenId, question, paths.length);
  const images: PreparedImage[] = [];
  const read: Picture[] = [];
  for (const path of paths) {
    read.push(await readPicture(requireText("the image", path), processor.preprocessing));
    images.push(processor.preprocessing.prepare(read[read.length - 1]));
  }
  requireFit(asked.method, opened, images);
  if (options.dumpInputs !== undefined)
    writeSafetensors(options.dumpInputs, [
      ...pixelEntries(images),
      ["input_ids", { shape: [ids.length], values: Int32Array.from(ids) }],
    ]);
  const backend = await useBackend(options.backend);
  const vlm: LoadedVlm = { ...processor, model: loadModel(opened) };

  const note = checkpoint.config.nuwa_note;
  say("backend", `${backend.name} (${backend.reason})`);
  say(
    "model",
    `${options.model}${typeof note === "string" ? `: ${printable(note.replace(/\s+/g, " ")).slice(0, 200)}` : ""}`,
  );
  const unknown = unknownWords(question, tokenizer);
  if (unknown.length > 0) say("note", `the model does not know: ${unknown.join(", ")}`);
  paths.forEach((path, i) => {
    const seen = images[i].pictures.map(({ width, height }) => `${width}×${height}`).join(" and ");
    say("image", `${path}, seen as ${seen} pixels`);
  });
  say("prompt", promptNamed(template));
  say("method", describeMethod(asked, options));
  const recorder = record(taps ?? []);
  const scores = recordScores();
  try {
    const ask = (under: Pruning, watch: Tap, show?: (piece: string) => void) =>
      measureCost((meter) => {
        const tap = chain(meter, watch);
        const decoding = { maxNewTokens: options.maxNewTokens, ...samplingOf(options), tap, show };
        return answer(vlm, images, question, { method: under, ...decoding });
      });
    process.stdout.write(`${"answer".padEnd(10)} `);
    const pruned = await ask(asked.method, chain(recorder.tap, scores.tap), (piece) =>
      process.stdout.write(printable(piece)),
    );
    process.stdout.write("\n");
    const unpruned = asked.definition.keepsEverything ? undefined : await ask(none(), noTap);
    const { ledger } = pruned.result;
    if (unpruned) say("unpruned", `${printable(unpruned.result.text)} (${verdict(unpruned.result, pruned.result)})`);
    const exactCost = { pruned: pruned.cost, unpruned: (unpruned ?? pruned).cost };
    for (const line of describeRun(ledger as SampleLedger, config, exactCost)) process.stdout.write(`${line}\n`);
    const missed = missedHint(asked, options, ledger as SampleLedger);
    if (missed !== undefined) say("note", missed);
    if (options.dump !== undefined && taps) {
      await writeDump(options.dump, recorder, taps);
      say("wrote", options.dump);
    }
    if (options.dumpInputs !== undefined) say("wrote", options.dumpInputs);
    if (options.out !== undefined) {
      const written = await writeRecords(options, {
        images: paths,
        question,
        prompt: promptNamed(template),
        backend: backend.name,
        config,
        drawnImages: images.map(({ pictures }, i) => ({ picture: read[i], grids: pictures })),
        scores: await scores.read(),
        answer: pruned.result,
        unpruned: unpruned?.result,
        asked,
        exactCost,
      });
      say("wrote", written.join(", "));
    }
  } finally {
    recorder.dispose();
    scores.dispose();
    disposeModel(vlm.model);
  }
}

/** What a command line asks. */
interface Asked {
  readonly paths: readonly string[];
  readonly text: string;
}

/** The images and the question of a command line. @throws UsageError when one of them is missing or given twice */
function askedOf(first: string | undefined, second: string | undefined, images: readonly string[] | undefined): Asked {
  if (images && second !== undefined)
    throw new UsageError("images are given twice, with --image and in front of the question. Use one way.");
  const text = images ? first : second;
  const paths = images ?? (first === undefined ? [] : [first]);
  if (text === undefined)
    throw new UsageError(
      `${paths.length === 0 ? "image and question are missing" : "the question is missing"}. ` +
        'Write nuwa ask IMAGE "QUESTION", or nuwa ask --image A --image B "QUESTION".',
    );
  return { paths, text };
}

/**
 * What is to be said where the average that was asked for is not what came out, as `nuwa eval` says it. Where none was
 * asked for it is the one that the method then takes; what a method has published by itself is no average to miss.
 */
function missedHint({ definition }: AskedMethod, options: AskOptions, ledger: SampleLedger): string | undefined {
  const { keepsEverything, publishedAverage } = definition;
  if (options.average === undefined && (keepsEverything || publishedAverage)) return undefined;
  const average = options.average ?? defaultAverage(definition);
  const setting = { method: definition.name, variant: options.variant ?? null, average };
  return missedAverage(setting, enteringPerLayer(ledger), ledger.total);
}

/** Words of a question that the vocabulary lacks. A tokenizer that falls back to bytes knows every word. */
function unknownWords(question: string, tokenizer: Tokenizer): string[] {
  const unknown = tokenizer.idOf("<unk>");
  if (unknown === undefined) return [];
  const words = question.match(/[\p{L}\p{N}]+/gu) ?? [];
  return [...new Set(words)].filter((word) => tokenizer.encode(word, false).includes(unknown)).map(printable);
}

function samplingOf({ temperature, topP, seed }: AskOptions): Pick<GenerateOptions, "sampling"> {
  if (temperature === undefined) {
    if (topP !== undefined) throw new UsageError("--top-p needs --temperature: without it the best token is taken.");
    return {};
  }
  if (temperature <= 0)
    throw new UsageError(`--temperature ${temperature} must be above 0; leave it out to take the best token.`);
  if (topP !== undefined && (topP <= 0 || topP > 1)) throw new UsageError(`--top-p ${topP} must lie in (0, 1].`);
  return { sampling: { temperature, topP: topP ?? 1, random: mixedRandom(seed) } };
}

function say(label: string, text: string): void {
  process.stdout.write(`${label.padEnd(10)} ${text}\n`);
}
