/**
 * Begins the training of the recipe `deep` at its third stage, with the weights in weights/no-places, which its first
 * two stages would make again in an hour and a half: `node --import tsx scripts/begin-deep.ts out/deep`, then
 * `nuwa train --recipe deep --out out/deep --resume`.
 */
import { fileURLToPath } from "node:url";
import { useBackend } from "../src/backend/select.ts";
import { requireWritableFolder } from "../src/io/files.ts";
import { loadModel } from "../src/io/load.ts";
import { hasCheckpoint, saveCheckpoint } from "../src/train/engine/training-state.ts";
import { recipeNamed } from "../src/train/shapes/recipe.ts";

function refuse(line: string): never {
  process.stderr.write(`begin-deep: ${line}\n`);
  process.exit(2);
}

const folder = process.argv[2] ?? refuse("say into which folder: begin-deep.ts FOLDER.");
if (hasCheckpoint(folder)) refuse(`${folder}: holds a training. Give another folder.`);
requireWritableFolder(folder);
await useBackend("wasm");
const { tensors } = loadModel(fileURLToPath(new URL("../weights/no-places", import.meta.url)));
const progress = { stage: 2, step: 0, seconds: 0, steps: [], figures: [] };
await saveCheckpoint(folder, recipeNamed("deep"), progress, tensors, undefined);
