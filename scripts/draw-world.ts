/**
 * Draws the pictures of docs/world.md and the scenes of docs/images, and prints the questions beside the second one.
 *
 *     node --import tsx scripts/draw-world.ts
 */
import sharp from "sharp";
import { writeAtomically } from "../src/io/files.ts";
import { questionRandom, questionsFor } from "../src/world/questions.ts";
import { renderScenes, scenePng } from "../src/world/rendering.ts";
import { type Scene, sceneOf } from "../src/world/scene.ts";
import { sceneFile } from "../src/world/scene-file.ts";

/** Scenes side by side at the size that the model sees, with a white line between. */
async function contactSheet(scenes: readonly Scene[], size: number, columns: number): Promise<Buffer> {
  const line = 4;
  const pictures = await renderScenes(scenes, size);
  const rows = Math.ceil(scenes.length / columns);
  return sharp({
    create: {
      width: columns * (size + line) - line,
      height: rows * (size + line) - line,
      channels: 3,
      background: "white",
    },
  })
    .composite(
      pictures.map((pixels, i) => ({
        input: Buffer.from(pixels),
        raw: { width: size, height: size, channels: 3 },
        left: (i % columns) * (size + line),
        top: Math.floor(i / columns) * (size + line),
      })),
    )
    .png({ palette: true, effort: 10 })
    .toBuffer();
}

/** One scene with the ground-truth boxes. */
async function withBoxes(scene: Scene, size: number): Promise<Buffer> {
  const boxes = scene.shapes.map(({ box: [x0, y0, x1, y1] }) => {
    const [x, y, width, height] = [x0, y0, x1 - x0, y1 - y0].map((value) => value * size);
    return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="none" stroke="#000" stroke-width="3"/>
      <rect x="${x}" y="${y}" width="${width}" height="${height}" fill="none" stroke="#fff" stroke-width="1"/>`;
  });
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}">${boxes.join("")}</svg>`;
  return sharp(await scenePng(scene, size))
    .composite([{ input: Buffer.from(overlay) }])
    .png({ palette: true, effort: 10 })
    .toBuffer();
}

const example = sceneOf("train", 17);
const sheet = Array.from({ length: 12 }, (_, seed) => sceneOf("train", seed));
writeAtomically("docs/images/world-scenes.png", await contactSheet(sheet, 96, 6));
writeAtomically("docs/images/world-boxes.png", await withBoxes(example, 336));
// As evaluated: at the size that the model sees, with noise.
writeAtomically("docs/images/scene.png", await scenePng(sceneOf("test", 11), 96));
// As `nuwa scene` draws them; the first is the picture of `npm start`.
for (const seed of [129, 15, 47, 89, 119, 137])
  writeAtomically(`docs/images/scene-${seed}.png`, await sceneFile(sceneOf("test", seed)));
writeAtomically("docs/images/scene-compositional-0.png", await sceneFile(sceneOf("compositional", 0)));

console.log("| family | style | question | answer |\n| --- | --- | --- | --- |");
for (const { family, style, text, answer } of questionsFor(example, questionRandom(example)))
  console.log(`| ${family} | ${style} | ${text} | ${answer} |`);
