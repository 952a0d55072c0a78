import { resolve } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { Command } from "commander";
import { measure } from "../../analysis/measure.ts";
import { useBackend } from "../../backend/select.ts";
import type { Box } from "../../core/boxes.ts";
import { printable, UsageError } from "../../core/errors.ts";
import { requireWritableFile, requireWritableFolder } from "../../io/files.ts";
import { loadModel, type OpenedModel, openModel } from "../../io/load.ts";
import { whileLocked } from "../../io/lock.ts";
import { type Pruning, withPositions } from "../../methods/method.ts";
import { none } from "../../methods/none.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../../methods/nuwa/positions.ts";
import { disposeModel, type Vlm } from "../../model/vlm.ts";
import { type Answer, answer } from "../../pipeline/answer.ts";
import type { PolicyAnswer } from "../../view/measures/positions.ts";
import { intersectionOverUnion } from "../../world/geometry.ts";
import { SHIPPED_MODEL } from "../about.ts";
import { addRunOptions, methodFrom, parseCount, requireFit, requireText } from "../options.ts";
import { commandLine, REPORT_OPTION, requireReport } from "../report.ts";
import { say } from "../say.ts";
import type { InspectedRun, InspectOptions } from "./inspect-options.ts";
import { MEASURE_NAMES, measuresNamed, requireMeasures } from "./measures.ts";
import { type Asked, askedSubject, isSameFile, type Subject, tensorSubject } from "./subject.ts";
import { requireOutputs, writeInspection } from "./write.ts";

/** `nuwa inspect`: measures what happens inside a pass. */
export function addInspect(program: Command): void {
  const command = program
    .command("inspect")
    .description("measure what happens inside a pass: entropy and flow of attention, logit lens, blocking, patching, …")
    .argument("[image]", "image file, unless --inputs gives tensors")
    .argument("[question]", "question about it")
    .option("--model <folder>", "checkpoint folder", SHIPPED_MODEL)
    .option("--inputs <file>", "safetensors with input_ids [n] and pixel_values, as nuwa forward reads it")
    .requiredOption("--measure <names>", `any of ${MEASURE_NAMES.join(", ")}, separated by commas`)
    .option(
      "--box <x1,y1,x2,y2>",
      "an object, in shares of the picture as the tower sees it: for cohesion",
      parseBoxOption,
    )
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
  if (isSameFile(options.dump, options.inputs))
    throw new UsageError("--dump and --inputs name the same file. Give the dump a path of its own.");
  if (isSameFile(options.dump, options.report))
    throw new UsageError("--dump and --report name the same file. Give each one of its own.");
  if (options.dump !== undefined) requireWritableFile(requireText("--dump", options.dump));
  requireReport(options.report);
  const work = () => inspected(image, question, options, names, commandLine(command));
  if (options.out === undefined) return work();
  requireWritableFolder(resolve(requireText("--out", options.out)));
  await whileLocked(options.out, work);
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

async function inspected(
  image: string | undefined,
  question: string | undefined,
  options: InspectOptions,
  names: readonly string[],
  line: string,
): Promise<void> {
  if (options.out !== undefined) requireOutputs(options.out, names);
  const opened = openModel(requireText("--model", options.model));
  const subject =
    options.inputs === undefined
      ? await askedSubject(image as string, question as string, options.source, opened)
      : tensorSubject(options.inputs, opened);
  const { method } = await methodFrom(options, opened.config);
  if (subject.asked) requireFit(method, opened, [subject.asked.image]);
  const backend = await useBackend(options.backend);
  say("backend", `${backend.name} (${backend.reason})`);
  await measured(options, opened, subject, method, { backend, line, path: image });
}

async function measured(
  options: InspectOptions,
  opened: OpenedModel,
  subject: Subject,
  method: Pruning,
  run: InspectedRun,
): Promise<void> {
  const { asked, wordOf, gridNames } = subject;
  const held: tf.Tensor[] = [];
  try {
    let begun: readonly number[] = [];
    const source = () => {
      const { name, inputs } = subject.source(begun);
      if (inputs.pixels) held.push(inputs.pixels);
      return { name, inputs, method };
    };
    const model = loadModel(opened);
    try {
      const said = asked && (await answer({ ...asked.processor, model }, asked.image, asked.question, { method }));
      if (said) say("answer", printable(said.text));
      begun = begunAnswer(said, options.after);
      const measures = measuresNamed(options.measure, {
        ...{ layers: opened.config.facts.layers, box: options.box, source, wordOf, gridNames },
        drawn: asked && { picture: asked.picture, grids: asked.image.pictures },
        detailed: options.out !== undefined || options.report !== undefined,
        answersUnder: asked && ((pruning) => answersUnder(model, asked, pruning)),
      });
      const own = subject.inputs(begun);
      if (own.pixels) held.push(own.pixels);
      const found = await measure(model, own, method, measures);
      for (const path of await writeInspection(options, found, asked, said?.text, run)) say("wrote", path);
    } finally {
      disposeModel(model);
    }
  } finally {
    tf.dispose(held);
  }
}

/** The tokens of the answer behind which is measured. @throws UsageError when it has fewer */
function begunAnswer(said: Answer | undefined, after = 0): readonly number[] {
  const count = said?.ids.length ?? 0;
  // Behind its last token nothing follows that was answered.
  if (after > 0 && after >= count)
    throw new UsageError(`--after ${after}: the answer has ${count} tokens. Give at most ${Math.max(0, count - 1)}.`);
  return said?.ids.slice(0, after) ?? [];
}

/** What the model says under each position policy, and how its box lies to that of the unpruned answer. */
async function answersUnder(
  model: Vlm,
  { processor, image, question }: Asked,
  method: Pruning,
): Promise<Partial<Record<PositionPolicy, PolicyAnswer>>> {
  const vlm = { ...processor, model };
  const {
    boxes: [unpruned],
  } = await answer(vlm, image, question, { method: none() });
  const found: Partial<Record<PositionPolicy, PolicyAnswer>> = {};
  for (const policy of POSITION_POLICIES) {
    const { text, boxes } = await answer(vlm, image, question, { method: withPositions(method, policy) });
    const overlap = unpruned && boxes[0] ? intersectionOverUnion(unpruned, boxes[0]) : undefined;
    found[policy] = { text, overlap };
  }
  return found;
}
