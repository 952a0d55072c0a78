import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { measureCost } from "../analysis/cost/meter.ts";
import { useBackend } from "../backend/select.ts";
import { printable, UsageError } from "../core/errors.ts";
import { mixedRandom } from "../core/random-numbers.ts";
import type { Picture } from "../core/resample.ts";
import { chain, noTap, record, type Tap } from "../core/taps.ts";
import { missedAverage } from "../eval/run/missed-average.ts";
import { requireWritableFile, requireWritableFolder, writeAtomically } from "../io/files.ts";
import { preprocess } from "../io/image.ts";
import { loadModel, loadProcessor, openModel } from "../io/load.ts";
import { writeSafetensors } from "../io/safetensors.ts";
import { enteringPerLayer, type SampleLedger } from "../methods/ledger.ts";
import { defaultAverage, type MethodDefinition, type Pruning } from "../methods/method.ts";
import { none } from "../methods/none.ts";
import { definition as nuwa } from "../methods/nuwa/definition.ts";
import type { PositionPolicy } from "../methods/nuwa/positions.ts";
import { type NuwaSwitches, VARIANTS, type Variant } from "../methods/nuwa/variants.ts";
import { disposeModel, type VlmConfig } from "../model/vlm.ts";
import { type Answer, answer, type LoadedVlm } from "../pipeline/answer.ts";
import type { GenerateOptions } from "../pipeline/generate.ts";
import { buildPrompt, type Tokenizer } from "../pipeline/processor.ts";
import { drawRun, renderPng } from "../view/picture.ts";
import { type RunFacts, runRecord } from "../view/record.ts";
import { describeRun } from "../view/run-summary.ts";
import { verdict } from "../view/verdict.ts";
import { SHIPPED_MODEL } from "./about.ts";
import { collect, requireDump, tapsOf, writeDump } from "./dump.ts";
import {
  type AskedMethod,
  addRunOptions,
  methodFrom,
  parseCount,
  parseNumber,
  type RunOptions,
  requireText,
} from "./options.ts";
import { pixelEntries } from "./preprocess.ts";

interface AskOptions extends RunOptions {
  readonly model: string;
  readonly out?: string;
  readonly maxNewTokens: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly tap?: readonly string[];
  readonly dump?: string;
  readonly dumpInputs?: string;
}

/** `nuwa ask`: answers a question about a picture and shows what pruning did. */
export function addAsk(program: Command): void {
  const command = program
    .command("ask")
    .description("ask a question about an image and see what pruning keeps")
    .argument("<image>", "image file")
    .argument("<question>", "question about it")
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

async function ask(imagePath: string, question: string, options: AskOptions): Promise<void> {
  samplingOf(options); // refuses bad values before anything is read
  if (options.out !== undefined) requireWritableFolder(resolve(requireText("--out", options.out)));
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
  const processor = loadProcessor(opened);
  const { tokenizer, template } = processor;
  const { ids } = buildPrompt(template, tokenizer, config.imageTokenId, question);
  const image = await preprocess(requireText("the image", imagePath), processor.preprocessing);
  if (options.dumpInputs !== undefined)
    writeSafetensors(options.dumpInputs, [
      ...pixelEntries(image),
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
  say("image", `${imagePath}, seen as ${image.picture.width}×${image.picture.height} pixels`);
  say("method", describeMethod(asked, options));
  const recorder = record(taps ?? []);
  try {
    const ask = (under: Pruning, watch: Tap, show?: (piece: string) => void) =>
      measureCost((meter) => {
        const tap = chain(meter, watch);
        const decoding = { maxNewTokens: options.maxNewTokens, ...samplingOf(options), tap, show };
        return answer(vlm, image, question, { method: under, ...decoding });
      });
    process.stdout.write(`${"answer".padEnd(10)} `);
    const pruned = await ask(asked.method, recorder.tap, (piece) => process.stdout.write(printable(piece)));
    process.stdout.write("\n");
    const unpruned = asked.definition.keepsEverything ? undefined : await ask(none(), noTap);
    const { ledger, text } = pruned.result;
    if (unpruned) say("unpruned", `${printable(unpruned.result.text)} (${verdict(unpruned.result.text, text)})`);
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
      await writeRecords(options, {
        image: imagePath,
        question,
        backend: backend.name,
        config,
        picture: image.picture,
        answer: pruned.result,
        unpruned: unpruned?.result,
        asked,
        exactCost,
      });
    }
  } finally {
    recorder.dispose();
    disposeModel(vlm.model);
  }
}

/** What is to be said where the average that was asked for is not what came out, as `nuwa eval` says it. */
function missedHint({ definition }: AskedMethod, options: AskOptions, ledger: SampleLedger): string | undefined {
  if (options.average === undefined) return undefined;
  const setting = { method: definition.name, variant: options.variant ?? null, average: options.average };
  return missedAverage(setting, enteringPerLayer(ledger), ledger.total);
}

/** Words of a question that the vocabulary lacks. A tokenizer that falls back to bytes knows every word. */
function unknownWords(question: string, tokenizer: Tokenizer): string[] {
  const unknown = tokenizer.idOf("<unk>");
  if (unknown === undefined) return [];
  const words = question.match(/[\p{L}\p{N}]+/gu) ?? [];
  return [...new Set(words)].filter((word) => tokenizer.encode(word, false).includes(unknown)).map(printable);
}

interface Recorded {
  readonly image: string;
  readonly question: string;
  readonly backend: string;
  readonly config: VlmConfig;
  readonly picture: Picture;
  readonly answer: Answer;
  readonly unpruned: Answer | undefined;
  readonly asked: AskedMethod;
  readonly exactCost: RunFacts["exactCost"];
}

/** The position policy that is run. */
function positionsOf({ definition }: AskedMethod, { positions }: AskOptions): PositionPolicy {
  return positions ?? definition.positions;
}

function describeMethod(asked: AskedMethod, options: AskOptions): string {
  const { definition } = asked;
  const { name } = definition;
  if (definition.keepsEverything) return `${name}: every visual token goes everywhere`;
  const { variant, stage2 } = switchesOf(definition, options);
  const average = `average ${options.average ?? defaultAverage(definition)}`;
  const parts = [name, variant, average, stage2 && `${stage2} in stage 2`, `${positionsOf(asked, options)} positions`];
  return parts.filter(Boolean).join(", ");
}

/** The reading that is run, and Nüwa's second score. */
function switchesOf(
  { name, variants }: MethodDefinition,
  { variant = variants?.[0], stage2 }: AskOptions,
): { variant?: string; stage2?: NuwaSwitches["stage2"] } {
  if (name !== nuwa.name) return { variant };
  return { variant, stage2: stage2 ?? VARIANTS[variant as Variant].stage2 };
}

async function writeRecords(
  options: AskOptions,
  { picture, answer, unpruned, asked, ...facts }: Recorded,
): Promise<void> {
  const folder = options.out as string;
  const svg = await drawRun(picture, answer.ledger as SampleLedger, [
    ...(unpruned ? [{ label: "unpruned", text: unpruned.text }] : []),
    { label: asked.definition.name, text: answer.text },
  ]);
  const { model, seed, maxNewTokens, temperature, topP } = options;
  const { definition } = asked;
  const average = options.average ?? defaultAverage(definition);
  const record = runRecord({
    ...facts,
    answer: answer.text,
    answerIds: answer.ids,
    unprunedAnswer: unpruned?.text,
    model,
    method: {
      name: definition.name,
      positions: positionsOf(asked, options),
      ...switchesOf(definition, options),
      average,
      seed,
    },
    generation: { maxNewTokens, temperature, topP, seed },
    ledger: answer.ledger as SampleLedger,
  });
  writeAtomically(join(folder, "picture.svg"), svg);
  writeAtomically(join(folder, "picture.png"), await renderPng(svg));
  writeAtomically(join(folder, "run.json"), `${JSON.stringify(record, null, 2)}\n`);
  say("wrote", ["picture.png", "picture.svg", "run.json"].map((name) => join(folder, name)).join(", "));
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
