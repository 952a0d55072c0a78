import { readFileSync } from "node:fs";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { type AllSeen, seeAll } from "../../scripts/families/photograph.ts";
import { promptRows } from "../../scripts/families/released.ts";
import { DRAWINGS, withFamilyTables } from "../../scripts/families-drawing.ts";
import { tilingOf } from "../../src/model/llava-next/shape.ts";

const FOLDER = new URL("../../docs/", import.meta.url);
const document = readFileSync(new URL("families.md", FOLDER), "utf8");
const PICTURE = /data:image\/jpeg;base64,([^"]+)/g;

/** Levels of the pictures in a drawing: encoders of other machines may round otherwise. */
async function levels(svg: string): Promise<Uint8Array[]> {
  return Promise.all([...svg.matchAll(PICTURE)].map(([, data]) => sharp(Buffer.from(data, "base64")).raw().toBuffer()));
}

let seen: AllSeen;
beforeAll(async () => {
  seen = await seeAll();
});

describe("docs/families.md", () => {
  it("has the tables that npm run docs:families writes", async () => {
    expect(await withFamilyTables(document, seen)).toBe(document);
  });

  it.each(Object.keys(DRAWINGS))("shows %s as npm run docs:families draws it, below 150 kB", async (path) => {
    const committed = readFileSync(new URL(path, FOLDER), "utf8");
    const drawn = await DRAWINGS[path](seen);
    expect(committed.replace(PICTURE, "")).toBe(drawn.replace(PICTURE, ""));
    const [own, wanted] = [await levels(committed), await levels(drawn)];
    expect(own.map((picture) => picture.length)).toEqual(wanted.map((picture) => picture.length));
    own.forEach((picture, i) => {
      const apart = picture.reduce((sum, level, at) => sum + Math.abs(level - wanted[i][at]), 0);
      expect(apart / picture.length).toBeLessThan(1);
    });
    expect(Buffer.byteLength(committed)).toBeLessThan(150_000);
    expect(document).toContain(`](${path})`);
  });

  it("gives the released code's ids on LLaVA-NeXT: right up to the first newline, text H' too late", () => {
    const { shape } = tilingOf({ width: 451, height: 300 }, seen.next.config);
    const kept = shape.offsets.map((_, cell) => cell).filter((cell) => cell % 7 === 0);
    const { rows, next, releasedNext } = promptRows(shape, kept, 35);
    const newline = rows.findIndex(({ cell }) => cell === undefined);
    expect(rows.slice(0, newline).every(({ id, releasedId }) => id === releasedId)).toBe(true);
    expect(rows.slice(newline).filter(({ id, releasedId }) => id === releasedId).length).toBeLessThan(rows.length / 20);
    expect(releasedNext - next).toBe(shape.grids[1].rows);
  });
});
