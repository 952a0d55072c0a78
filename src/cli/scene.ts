import { extname } from "node:path";
import { type Command, Option } from "commander";
import { printable, printableJson, UsageError } from "../core/errors.ts";
import { requireWritableFile, writeAtomically } from "../io/files.ts";
import { boxText } from "../world/coordinates.ts";
import type { Question } from "../world/question.ts";
import { questionRandom, questionsFor } from "../world/questions.ts";
import { SCENE_FILE_SIDE } from "../world/raster.ts";
import { type Scene, type SceneShape, sceneOf } from "../world/scene.ts";
import { sceneFile } from "../world/scene-file.ts";
import { SPLITS, type Split } from "../world/splits.ts";
import { parseInteger, requireText } from "./options.ts";

interface SceneOptions {
  readonly seed: number;
  readonly split: Split;
  readonly out: string;
  readonly json?: boolean;
}

/** `nuwa scene`: draws a scene of the world and prints its questions with their true answers. */
export function addScene(program: Command): void {
  program
    .command("scene")
    .description("draw a scene of the world of shapes, for nuwa ask to be asked and marked on (docs/world.md)")
    .requiredOption("--seed <integer>", "which scene of the split, 0 to 1073741823", parseInteger)
    .addOption(new Option("--split <name>", "part of the world").choices([...SPLITS]).default("test"))
    .requiredOption("--out <file>", "PNG file to write")
    .option("--json", "print as JSON: file, side, scene, questions")
    .action(draw);
}

async function draw({ seed, split, out, json }: SceneOptions): Promise<void> {
  if (extname(requireText("--out", out)).toLowerCase() !== ".png")
    throw new UsageError(`--out ${out}: a scene is written as PNG. Give a name that ends in .png.`);
  const scene = sceneOf(split, seed);
  requireWritableFile(out);
  writeAtomically(out, await sceneFile(scene));
  const questions = questionsFor(scene, questionRandom(scene));
  const text = json
    ? printableJson({ file: out, side: SCENE_FILE_SIDE, scene, questions }, 2)
    : describe(scene, questions, out).join("\n");
  process.stdout.write(`${text}\n`);
}

/** What a scene shows, and what is asked about it. */
function describe({ split, seed, shapes }: Scene, questions: readonly Question[], out: string): string[] {
  const widest = Math.max(...questions.map(({ text }) => text.length));
  return [
    `${"scene".padEnd(10)} ${seed} of ${split}: ${shapes.length} shapes`,
    ...shapes.map((shape) => `${"shape".padEnd(10)} ${nameOf(shape)} ${boxText(shape.box)}`),
    ...questions.map(({ family, text, answer }) => `${family.padEnd(10)} ${text.padEnd(widest)}  ${answer}`),
    `${"wrote".padEnd(10)} ${printable(out)} (${SCENE_FILE_SIDE}×${SCENE_FILE_SIDE} pixels)`,
  ];
}

function nameOf({ size, colour, shape }: SceneShape): string {
  return `${size} ${colour} ${shape}`;
}
