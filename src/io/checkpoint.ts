import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { NuwaError } from "../core/errors.ts";
import { shown } from "../core/schema.ts";
import { familyOf } from "../model/families.ts";
import type { Family } from "../model/family.ts";
import { readJson } from "./files.ts";
import { openSafetensors, type SafetensorsFile, type TensorEntry } from "./safetensors.ts";
import type { SafetensorsDtype } from "./safetensors-header.ts";

/** The file that a tensor is stored in, and its entry there. */
export interface TensorLocation {
  readonly file: SafetensorsFile;
  readonly entry: TensorEntry;
}

/** What a checkpoint folder says of its model besides the weights, as JSON. */
export interface CheckpointJson {
  readonly directory: string;
  readonly family: Family;
  /** config.json, unchecked. */
  readonly config: Record<string, unknown>;
  /** generation_config.json, unchecked; empty when there is none. */
  readonly generationConfig: Record<string, unknown>;
  /** config.json of a CLIP tower kept apart in `vision_tower/` (original LLaVA), if there is one. */
  readonly visionTowerConfig: Record<string, unknown> | undefined;
}

/** A checkpoint folder: its configuration as JSON and the table of contents of all its shards. */
export interface Checkpoint extends CheckpointJson {
  /** Canonical tensor name → its location. */
  readonly tensors: ReadonlyMap<string, TensorLocation>;
}

const jsonObject = z.record(z.string(), z.unknown());
const shardIndex = z.object({ weight_map: z.record(z.string(), z.string()) });

/**
 * Opens a Hugging Face checkpoint folder: `config.json` with `model.safetensors`, or shards with
 * `model.safetensors.index.json`. Reads no weights yet.
 *
 * The original LLaVA release keeps its CLIP tower in a repository of its own; it is looked for in the
 * subfolder `vision_tower/`.
 *
 * @throws NuwaError when a file is missing or damaged, or when two tensors claim one canonical name
 */
export function openCheckpoint(directory: string): Checkpoint {
  requireFolder(directory);
  const tower = towerFolder(directory);
  const files = [...safetensorsFiles(directory), ...(tower === undefined ? [] : safetensorsFiles(tower))];
  const json = readCheckpointJson(directory);
  return { ...json, tensors: tableOfContents(files, json.family) };
}

/**
 * What {@link openCheckpoint} reads besides the weights, which need not be there.
 *
 * @throws NuwaError when a file is missing or damaged
 */
export function readCheckpointJson(directory: string): CheckpointJson {
  requireFolder(directory);
  const tower = towerFolder(directory);
  const generation = join(directory, "generation_config.json");
  const path = join(directory, "config.json");
  const config = readJson(path, jsonObject);
  return {
    directory,
    family: familyOf(path, config),
    config,
    generationConfig: existsSync(generation) ? readJson(generation, jsonObject) : {},
    visionTowerConfig: tower === undefined ? undefined : readJson(join(tower, "config.json"), jsonObject),
  };
}

/** The folder of a tower kept apart, if there is one. */
function towerFolder(directory: string): string | undefined {
  const tower = join(directory, "vision_tower");
  return existsSync(join(tower, "config.json")) ? tower : undefined;
}

/** @throws NuwaError when it is none */
function requireFolder(directory: string): void {
  if (!existsSync(directory) || !statSync(directory).isDirectory()) {
    throw new NuwaError(
      `${directory}: is not a checkpoint folder. Give a folder with config.json and model.safetensors.`,
    );
  }
}

/**
 * The tables of contents of a checkpoint folder: of `model.safetensors`, or of the shards that its index names.
 *
 * @throws NuwaError when a file is missing or damaged
 */
export function safetensorsFiles(directory: string): SafetensorsFile[] {
  const indexPath = join(directory, "model.safetensors.index.json");
  if (existsSync(indexPath)) return shards(directory, indexPath);
  const single = join(directory, "model.safetensors");
  if (existsSync(single)) return [openSafetensors(single)];
  const pickles = readdirSync(directory).filter((name) => /\.(bin|pt|pth)$/.test(name));
  const instead = pickles.length
    ? `, only ${pickles[0]}, a format that can run code when read. Convert it to safetensors`
    : "";
  throw new NuwaError(`${directory}: has no model.safetensors${instead}.`);
}

function shards(directory: string, indexPath: string): SafetensorsFile[] {
  const { weight_map } = readJson(indexPath, shardIndex, 64 * 2 ** 20);
  const names = [...new Set(Object.values(weight_map))];
  const outside = names.find((name) => /[\\/]/.test(name) || name.startsWith("."));
  if (outside !== undefined)
    throw new NuwaError(`${indexPath}: weight_map names ${shown(outside)}; shards must lie in the same folder.`);
  const files = new Map(names.map((name) => [name, openSafetensors(join(directory, name))]));
  for (const [tensor, name] of Object.entries(weight_map)) {
    if (!files.get(name)?.entries.has(tensor))
      throw new NuwaError(`${join(directory, name)}: lacks ${shown(tensor)}, which ${indexPath} lists.`);
  }
  return [...files.values()];
}

function tableOfContents(files: readonly SafetensorsFile[], { canonicalName }: Family): Checkpoint["tensors"] {
  const tensors = new Map<string, TensorLocation>();
  for (const file of files) {
    for (const entry of file.entries.values()) {
      const name = canonicalName(entry.name);
      if (name === undefined) continue;
      const other = tensors.get(name);
      if (other)
        throw new NuwaError(
          `${file.path}: ${shown(entry.name)} and ${shown(other.entry.name)} are both ${name}. Remove one.`,
        );
      tensors.set(name, { file, entry });
    }
  }
  return tensors;
}

/** What weights are stored as; integers read as such would be no weights. */
const FLOATS: readonly SafetensorsDtype[] = ["F32", "F16", "BF16"];

/**
 * The location of a tensor.
 *
 * @param name canonical
 * @throws NuwaError when it is missing, its shape is not the expected one, or it does not hold floats
 */
export function findTensor(checkpoint: Checkpoint, name: string, shape: readonly number[]): TensorLocation {
  const found = checkpoint.tensors.get(name);
  if (!found) throw new NuwaError(`${checkpoint.directory}: lacks the tensor ${name}, which config.json asks for.`);
  const { file, entry } = found;
  if (entry.shape.length !== shape.length || entry.shape.some((n, i) => n !== shape[i])) {
    throw new NuwaError(
      `${file.path}: ${shown(entry.name)} has shape ${shown(entry.shape)}, but config.json asks for [${shape}].`,
    );
  }
  if (!FLOATS.includes(entry.dtype))
    throw new NuwaError(
      `${file.path}: ${shown(entry.name)} is ${entry.dtype}, but weights are ${FLOATS.join(", ")}; others are not ` +
        "supported. Convert it, or fetch the file again.",
    );
  return found;
}
