import { existsSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { shown, shownName } from "../core/schema.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import type { OpenedModel } from "../io/load.ts";
import { preprocessingOf, readProcessor } from "../io/preprocessing.ts";
import { loadChatTemplate } from "../io/prompt.ts";
import { loadTokenizer } from "../io/tokenizer.ts";
import { type Effect, type Field, fieldsOf } from "../model/fields.ts";
import { processorFile } from "../model/processor-fields.ts";
import type { TextConfig } from "../model/transformer/config.ts";
import { generationSchema } from "../model/transformer/generation.ts";
import { positionLimit } from "../model/transformer/rope-scaling.ts";

/** A label and what stands beside it. */
export type Fact = readonly [label: string, text: string];

/**
 * What a checkpoint is and how its files are read, without reading its weights.
 *
 * @throws NuwaError as loading the model would
 */
export function modelFacts(opened: OpenedModel): Fact[] {
  const { checkpoint, config, locations } = opened;
  const { directory, family } = checkpoint;
  const { tower, projector, images } = family.describe(config);
  const { summary } = preprocessingOf(directory, config);
  const parameters = locations.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
  const read = new Set(locations.map(({ name }) => name));
  // By the names that stand in the files.
  const unused = [...checkpoint.tensors].flatMap(([name, { entry }]) => (read.has(name) ? [] : [entry.name]));
  const files = [...new Set([...checkpoint.tensors.values()].map(({ file }) => file.path))];
  return [
    ["model", directory],
    ["family", family.name],
    ["files", files.map((path) => relative(directory, path)).join(", ")],
    ["layout", family.layoutOf([...checkpoint.tensors.values()].map(({ entry }) => entry.name))],
    ["tensors", `${locations.length} read, ${unused.length} not needed${unused.length > 0 ? `: ${some(unused)}` : ""}`],
    ["dtype", [...new Set(locations.map(({ entry }) => entry.dtype))].join(", ")],
    ["parameters", `${count(parameters)} (${((4 * parameters) / 2 ** 30).toFixed(2)} GiB as float32)`],
    ["tower", tower],
    ["projector", projector],
    ["decoder", describeDecoder(config.text)],
    ["images", images],
    ["pixels", summary],
    ...textFacts(checkpoint, config.text.eosTokenIds),
    ...fieldFacts(opened),
  ];
}

function describeDecoder(text: TextConfig): string {
  const grouped = text.numKeyValueHeads === text.numAttentionHeads ? "" : ` (${text.numKeyValueHeads} of keys)`;
  const axes = text.ropeSections.length > 1 ? ` on axes of ${text.ropeSections.join(", ")} pairs` : "";
  const { inputs, output, mlp } = text.biases;
  const biased = [
    inputs ? ["queries, keys and values"] : [],
    output ? ["attention output"] : [],
    mlp ? ["MLP"] : [],
  ].flat();
  const scaling = text.ropeScaling;
  const windowed = text.windowedLayers?.filter((has) => has).length;
  const where = windowed === undefined ? "" : ` in ${windowed} of the layers`;
  return (
    `${text.numHiddenLayers} layers of ${text.hiddenSize} channels, ${text.numAttentionHeads} heads of ` +
    `${text.headDim}${grouped}, MLP ${text.intermediateSize} (${text.hiddenAct})` +
    `${biased.length > 0 ? `, biases in ${biased.join(", ")}` : ""}; ` +
    `vocabulary ${text.vocabSize}${text.tieWordEmbeddings ? ", tied" : ""}; ` +
    `rotary θ ${text.ropeTheta}${axes}` +
    `${scaling ? `, ${scaling.type}, ${scaling.factor} times ${scaling.originalPositions} positions` : ""}; ` +
    `up to ${positionLimit(text)} positions` +
    `${text.slidingWindow ? `, each token seeing ${text.slidingWindow} at most${where}` : ""}`
  );
}

/** A folder without a tokenizer can still be run on token ids. */
function textFacts({ directory, family, config, generationConfig }: Checkpoint, ends: readonly number[]): Fact[] {
  const has = existsSync(join(directory, "tokenizer.json"));
  const tokenizer = has ? loadTokenizer(directory) : undefined;
  const { origin } = loadChatTemplate(directory, family.chatTemplate(config));
  const named = ends.map((id) => {
    const token = tokenizer?.tokenOf(id);
    return token === undefined ? `${id}` : `${id} ${shown(token)}`;
  });
  return [
    [
      "tokenizer",
      has
        ? "tokenizer.json"
        : "none: tokenizer.json is missing, without which nuwa ask, eval, tune and tokenize cannot run",
    ],
    ["template", basename(origin)],
    ["ends at", named.join(", ")],
    ...penaltyFact(generationConfig),
  ];
}

/** Of what generation_config.json says about decoding, this changes answers that are not drawn at random, too. */
function penaltyFact({ repetition_penalty: penalty }: Checkpoint["generationConfig"]): Fact[] {
  if (typeof penalty !== "number" || penalty === 1) return [];
  return [["decoding", `with repetition_penalty ${penalty}, as transformers`]];
}

const HEADINGS: Readonly<Record<Effect, string>> = {
  honoured: "values that are used, or checked where only one is supported",
  none: "known, without effect here (decoding is asked for by options of the commands)",
  unknown: "not read by this program; look whether they matter",
};

/** Every field of the files of a checkpoint, in one of three lists. */
function fieldFacts({ checkpoint }: OpenedModel): Fact[] {
  const { directory, family, config, generationConfig, visionTowerConfig } = checkpoint;
  const schemas = family.schemas(config);
  const processor = readProcessor(directory);
  const fields: readonly (readonly [file: string, fields: readonly Field[]])[] = [
    ["config.json", fieldsOf(config, schemas.config)],
    ["generation_config.json", fieldsOf(generationConfig, generationSchema)],
    [relative(directory, processor.path), fieldsOf(processor.json, processorFile(processor.json, schemas.processor))],
    ...(visionTowerConfig && schemas.tower
      ? [["vision_tower/config.json", fieldsOf(visionTowerConfig, schemas.tower)] as const]
      : []),
  ];
  return (Object.keys(HEADINGS) as Effect[]).flatMap((wanted): Fact[] => {
    const own = fields.flatMap(([file, all]) =>
      all
        .filter(({ effect }) => effect === wanted)
        .map(({ path, value }): Fact => ["", `${file}: ${shownName(path.replace(/\s+/g, " "))} = ${shown(value)}`]),
    );
    return [[wanted === "none" ? "no effect" : wanted, `${own.length} fields: ${HEADINGS[wanted]}`], ...own];
  });
}

function some(names: readonly string[]): string {
  const some = names.slice(0, 3).map(shownName).join(", ");
  return names.length > 3 ? `${some}, …` : some;
}

function count(parameters: number): string {
  return parameters >= 1e9 ? `${(parameters / 1e9).toFixed(2)} B` : `${(parameters / 1e6).toFixed(2)} M`;
}
