import sharp from "sharp";
import { thumbnailOf } from "../io/thumbnail.ts";
import { rasterScene, SCENE_FILE_SIDE } from "./raster.ts";
import { type Scene, sceneOf } from "./scene.ts";
import { SEEDS_PER_SPLIT, SPLITS, type Split } from "./splits.ts";

/** The side at which a picture is compared with the scene that it names, and of the squares that must agree. */
const COMPARED = 96;
const SQUARE = 8;
/**
 * The largest mean difference of such a square, in levels of 255. Over 150 scenes, scaling, noise and JPEG made at most
 * 5.6; a shape left out, or 2 % of the side cut off, at least 15.
 */
const MOST_DIFFERENT = 10;

/**
 * A scene as a picture for people: a PNG file of {@link SCENE_FILE_SIDE} pixels, without the noise that training and
 * evaluation add. Its XMP packet names split and seed, so that {@link sceneIn} knows it under any name.
 *
 * @example
 * import { writeFileSync } from "node:fs";
 * writeFileSync(`scene-${SCENE_FILE_SIDE}.png`, await sceneFile(sceneOf("test", 129)));
 */
export async function sceneFile(scene: Scene): Promise<Buffer> {
  const size = { width: SCENE_FILE_SIDE, height: SCENE_FILE_SIDE };
  return sharp(rasterScene(scene, SCENE_FILE_SIDE), { raw: { ...size, channels: 3 } })
    .withXmp(xmpNaming(scene))
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/**
 * The scene that a picture shows, where {@link sceneFile} drew it. Copies, other sizes and other formats are known as
 * long as they keep the XMP packet.
 *
 * @example
 * const scene = await sceneIn("scene.png");
 * if (scene && scene !== "changed") console.log(truthOf(scene, "How many shapes are there?")?.answer);
 *
 * @returns undefined for any other picture; `changed` where the picture does not look as its scene does
 * @throws NuwaError when the file is missing, too large, or not an image
 */
export async function sceneIn(path: string): Promise<Scene | "changed" | undefined> {
  const thumbnail = await thumbnailOf(path, COMPARED);
  const scene = thumbnail && sceneNamed(thumbnail.xmp);
  if (!scene) return undefined;
  const [seen, drawn] = [await thumbnail.pixels(), rasterScene(scene, COMPARED)];
  return largestDifference(seen, drawn) > MOST_DIFFERENT ? "changed" : scene;
}

function xmpNaming({ split, seed }: Scene): string {
  return (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
    `<rdf:Description rdf:about="" xmlns:nuwa="urn:nuwa:scene" nuwa:split="${split}" nuwa:seed="${seed}"/>` +
    "</rdf:RDF></x:xmpmeta>"
  );
}

/** The scene that an XMP packet names. Programs that write packets anew may make attributes elements. */
function sceneNamed(xmp: string): Scene | undefined {
  const fieldOf = (name: string) => new RegExp(`nuwa:${name}(?:="|>)(\\w{1,20})[<"]`).exec(xmp)?.[1];
  const [split, seed] = [fieldOf("split"), fieldOf("seed")];
  if (!SPLITS.includes(split as Split) || !/^\d+$/.test(seed ?? "") || Number(seed) >= SEEDS_PER_SPLIT)
    return undefined;
  return sceneOf(split as Split, Number(seed));
}

/** The largest mean difference of two pictures in any of their squares; both [COMPARED, COMPARED, 3]. */
function largestDifference(one: Uint8Array, other: Uint8Array): number {
  const squares = COMPARED / SQUARE;
  const sums = new Float64Array(squares * squares);
  for (let i = 0; i < one.length; i++) {
    const [row, column] = [Math.floor(i / (COMPARED * 3)), Math.floor(i / 3) % COMPARED];
    sums[Math.floor(row / SQUARE) * squares + Math.floor(column / SQUARE)] += Math.abs(one[i] - other[i]);
  }
  return Math.max(...sums) / (SQUARE * SQUARE * 3);
}
