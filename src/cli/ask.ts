import { join, resolve } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { Command } from "commander";
import { type BackendChoice, useBackend } from "../backend/select.ts";
import { requireWritableFolder, writeAtomically } from "../data/files.ts";
import { type PreparedImage, preprocess } from "../data/image.ts";
import { preprocessingOf } from "../data/preprocessing.ts";
import { buildPrompt, loadChatTemplate, type Prompt } from "../data/prompt.ts";
import { loadTokenizer, type Tokenizer } from "../data/tokenizer.ts";
import { printable, UsageError } from "../errors.ts";
import type { Method } from "../methods/method.ts";
import { run, tensorsIn } from "../model/reading.ts";
import { disposeModel, type Model } from "../model/weights.ts";
import { type ForwardResult, forward } from "../pipeline/forward.ts";
import { type GenerateOptions, generate } from "../pipeline/generate.ts";
import { loadModel, openModel } from "../pipeline/load.ts";
import type { SampleLedger } from "../pruning/ledger.ts";
import { randomFrom } from "../random.ts";
import { drawRun, renderPng } from "../view/picture.ts";
import { runRecord } from "../view/record.ts";
import { describeRun } from "../view/report.ts";
import { SHIPPED_MODEL } from "./about.ts";
import { addRunOptions, methodFrom, parseCount, parseNumber, type RunOptions, requireText } from "./options.ts";

interface AskOptions extends RunOptions {
  readonly model: string;
  readonly out?: string;
  readonly maxNewTokens: number;
  readonly temperature?: number;
  readonly topP: number;
}

/** `nuwa ask`: the main job. A picture and a question go in; the answer and what pruning did come out. */
export function addAsk(program: Command): void {
  const command = program
    .command("ask")
    .description("ask a question about an image and see what pruning keeps")
    .argument("<image>", "image file")
    .argument("<question>", "question about it")
    .option("--model <folder>", "checkpoint folder (default: the one that comes with the project)", SHIPPED_MODEL)
    .option("--out <folder>", "also write picture.png, picture.svg and run.json there")
    .option("--max-new-tokens <n>", "longest answer", parseCount, 32)
    .option("--temperature <t>", "draw tokens at this temperature instead of taking the best one", parseNumber)
    .option("--top-p <p>", "draw from the most probable tokens that together reach this probability", parseNumber, 1);
  addRunOptions(command, "nuwa").action(ask);
}

async function ask(imagePath: string, question: string, options: AskOptions): Promise<void> {
  const sampling = samplingOf(options);
  if (options.out !== undefined) requireWritableFolder(resolve(requireText("--out", options.out)));
  // Everything that can be wrong with the files is found before the weights are read.
  const opened = openModel(requireText("--model", options.model));
  const { config, checkpoint } = opened;
  const method = methodFrom(options, config);
  const tokenizer = loadTokenizer(options.model);
  const prompt = buildPrompt(loadChatTemplate(options.model), tokenizer, config.imageTokenId, question);
  const preprocessing = preprocessingOf(options.model, config.vision.imageSize, config.padImages);
  const image = await preprocess(requireText("the image", imagePath), preprocessing);
  const backend = await useBackend(options.backend);
  const model = loadModel(opened);

  const note = checkpoint.config.nuwa_note;
  say("backend", `${backend.name} (${backend.reason})`);
  say("model", `${options.model}${typeof note === "string" ? `: ${printable(note).slice(0, 200)}` : ""}`);
  say("image", `${imagePath}, seen as ${image.picture.width}×${image.picture.height} pixels`);
  say(
    "method",
    method.name === "none"
      ? "none: every visual token goes everywhere"
      : `${method.name}, ${options.variant}, average ${options.average}, ${method.positions} positions`,
  );
  try {
    await answer(
      { imagePath, question, options, model, method, tokenizer, prompt, image, backend },
      { maxNewTokens: options.maxNewTokens, ...sampling },
    );
  } finally {
    disposeModel(model);
  }
}

interface Asked {
  readonly imagePath: string;
  readonly question: string;
  readonly options: AskOptions;
  readonly model: Model;
  readonly method: Method;
  readonly tokenizer: Tokenizer;
  readonly prompt: Prompt;
  readonly image: PreparedImage;
  readonly backend: BackendChoice;
}

async function answer(asked: Asked, generation: GenerateOptions): Promise<void> {
  const { model, method, prompt, image, options } = asked;
  const { shape, values } = image.pixelValues;
  const pixels = tf.tensor4d(values, [1, ...shape]);
  let result: ForwardResult | undefined;
  try {
    const prefill = await run(() => forward(model, { pixels, prompts: [prompt.ids] }, method));
    result = prefill;
    const ids = await stream(asked, prefill, generation);
    const ledger = prefill.ledgers[0] as SampleLedger;
    for (const line of describeRun(ledger, model.config.text)) process.stdout.write(`${line}\n`);
    if (options.out !== undefined) await writeRecords(asked, options.out, ledger, ids);
  } finally {
    tf.dispose([pixels, ...tensorsIn(result)]);
  }
}

/** Prints the answer as it comes and returns its token ids. */
async function stream(
  { model, tokenizer }: Asked,
  start: ForwardResult,
  generation: GenerateOptions,
): Promise<number[]> {
  const ids: number[] = [];
  let shown = "";
  process.stdout.write(`${"answer".padEnd(10)} `);
  for await (const [id] of generate(model, start, generation)) {
    ids.push(id as number);
    const text = tokenizer.decode(ids);
    // A character may take several tokens; it is shown once it is whole.
    if (text.endsWith("\ufffd") || !text.startsWith(shown)) continue;
    process.stdout.write(printable(text.slice(shown.length)));
    shown = text;
  }
  const whole = tokenizer.decode(ids);
  process.stdout.write(`${whole.startsWith(shown) ? printable(whole.slice(shown.length)) : ""}\n`);
  return ids;
}

async function writeRecords(
  { imagePath, question, options, model, method, tokenizer, image, backend }: Asked,
  folder: string,
  ledger: SampleLedger,
  ids: readonly number[],
): Promise<void> {
  const svg = await drawRun(image.picture, ledger);
  const record = runRecord({
    image: imagePath,
    question,
    answer: tokenizer.decode(ids),
    answerIds: ids,
    model: options.model,
    backend: backend.name,
    method: {
      name: method.name,
      positions: method.positions,
      variant: options.variant,
      average: options.average,
      stage2: options.stage2,
      seed: options.seed,
    },
    ledger,
    config: model.config.text,
  });
  writeAtomically(join(folder, "picture.svg"), svg);
  writeAtomically(join(folder, "picture.png"), await renderPng(svg));
  writeAtomically(join(folder, "run.json"), `${JSON.stringify(record, null, 2)}\n`);
  say("wrote", ["picture.png", "picture.svg", "run.json"].map((name) => join(folder, name)).join(", "));
}

function samplingOf({ temperature, topP, seed }: AskOptions): Pick<GenerateOptions, "sampling"> {
  if (temperature === undefined) return {};
  if (temperature <= 0)
    throw new UsageError(`--temperature ${temperature} must be above 0; leave it out to take the best token.`);
  if (topP <= 0 || topP > 1) throw new UsageError(`--top-p ${topP} must lie in (0, 1].`);
  return { sampling: { temperature, topP, random: randomFrom(seed) } };
}

function say(label: string, text: string): void {
  process.stdout.write(`${label.padEnd(10)} ${text}\n`);
}
