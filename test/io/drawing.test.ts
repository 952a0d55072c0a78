import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { type DrawingLimits, drawSvg } from "../../src/io/drawing.ts";
import { declaredSize } from "../../src/io/svg.ts";
import { fixture } from "./scratch.ts";

const LIMITS: DrawingLimits = { pixels: 1e8, seconds: 5, megabytes: 2048 };
const svg = (side: number, content: string, before = "") =>
  `${before}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
  `width="${side}" height="${side}">${content}</svg>`;
const draw = (text: string, limits: Partial<DrawingLimits> = {}) =>
  drawSvg(Buffer.from(text), { ...LIMITS, ...limits });
const filtered = (filter: string) =>
  `<filter id="f" x="0" y="0" width="1" height="1">${filter}</filter>` +
  '<rect width="100%" height="100%" filter="url(#f)"/>';

describe("drawSvg", () => {
  it("draws on white", async () => {
    const { width, height, pixels } = await draw(svg(2, '<rect width="1" height="2" fill="#c86428"/>'));
    expect([width, height]).toEqual([2, 2]);
    expect([...(pixels ?? [])]).toEqual([200, 100, 40, 255, 255, 255, 200, 100, 40, 255, 255, 255]);
  });

  it("returns only the size of what has too many pixels", async () => {
    expect(await draw(svg(200, ""), { pixels: 39_999 })).toEqual({ width: 200, height: 200 });
  });

  const copies = Array.from({ length: 30 }, (_, i) => `<g id="a${i + 1}">${`<use href="#a${i}"/>`.repeat(10)}</g>`);
  it.each([
    ["a filter", svg(3000, filtered('<feTurbulence baseFrequency="0.01" numOctaves="1000"/>'))],
    ["copies of copies", svg(400, `<g id="a0"><rect width="9" height="9"/></g>${copies.join("")}<use href="#a30"/>`)],
  ])("stops %s that would take too long", async (_, text) => {
    await expect(draw(text, { seconds: 0.5 })).rejects.toThrow("drawing it takes more than 0.5 s or 2048 MB of memory");
  });

  it("stops a filter that would take too much memory", async () => {
    const floods = Array.from({ length: 300 }, (_, i) => `<feFlood flood-color="red" result="r${i}"/>`).join("");
    const nodes = Array.from({ length: 300 }, (_, i) => `<feMergeNode in="r${i}"/>`).join("");
    const text = svg(4000, filtered(`${floods}<feMerge>${nodes}</feMerge>`));
    await expect(draw(text, { megabytes: 300 })).rejects.toThrow(/takes more than 5 s or 300 MB/);
  });

  it("reads no other file and no address", async () => {
    const photo = fixture("preprocess", "photo.png");
    const images = [photo, pathToFileURL(photo).href, "photo.png", "http://127.0.0.1:9/photo.png"]
      .map((href) => `<image width="8" height="8" href="${href}" xlink:href="${href}"/>`)
      .join("");
    const style = `<style>@import url("${pathToFileURL(join(photo, "../style.css"))}");</style>`;
    const { pixels } = await draw(svg(8, style + images));
    expect(pixels?.every((level) => level === 255)).toBe(true);
    const entity = `<!DOCTYPE svg [<!ENTITY x SYSTEM "${pathToFileURL(photo)}">]>`;
    await expect(draw(svg(8, "<text>&x;</text>", entity))).rejects.toThrow(/XML parse error/);
  });

  it("says what is wrong with text that is no SVG", async () => {
    await expect(draw("<svg")).rejects.toThrow(/XML parse error|unsupported image format/);
  });
});

describe("declaredSize", () => {
  it.each([
    ["comments without an end", "<!--".repeat(1e6)],
    ["names without an end", "<a:".repeat(1e6)],
    ["quotes in pairs", `<svg ${'""'.repeat(1e6)}>`],
    ["an attribute without a value", `<svg ${"a".repeat(1e6)}>`],
    ["digits without an end", `<svg width="${"1".repeat(1e6)}!">`],
    ["white space without an end", `<svg width="1${" ".repeat(1e6)}!" ${" ".repeat(1e6)}`],
  ])("looks once at %s", (_, text) => {
    const start = performance.now();
    try {
      declaredSize(text);
    } catch (error) {
      expect((error as Error).message).toBe("text without an <svg> element");
    }
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it("reads attributes, not what stands in the values of others", () => {
    expect(declaredSize(`<svg data-a=' width="9" ' width="2" height='3'>`)).toEqual({ width: 2, height: 3 });
  });
});
