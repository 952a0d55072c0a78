import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Locator, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../cli/support.ts";
import { hiddenTexts, launch } from "./chromium.ts";
import { ADDRESS, layOutAll, openPage, settled, WITHOUT_PAGE } from "./page-support.ts";

/** Figures at the beginning, and once the reader's pruner has answered and some law is broken. */
const FIGURES = { least: 11, withPruner: 13 };
/** Side at which pictures are compared: a pixel of it is the mean of many, so that edges of letters do not matter. */
const COMPARED = 64;

describe.skipIf(ADDRESS === "")(`the figures of the page${WITHOUT_PAGE}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it("are saved as files that look alone as they do in the light page, whatever the page is", async () => {
    const { page, requests } = await openPage(browser);
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    await settled(page);
    await askSomeScenes(page);
    await page.getByTestId("run-editor").click();
    const report = page.getByTestId("law-report");
    await expect.poll(() => report.getAttribute("aria-busy"), { timeout: 240_000, interval: 500 }).toBe("false");
    await report.locator("details").evaluateAll((all) => {
      for (const one of all) (one as HTMLDetailsElement).open = true;
    });
    const figures = page.locator("figure.figure");
    const count = await figures.count();
    expect(count).toBeGreaterThanOrEqual(FIGURES.withPruner);
    const folder = temporaryFolder();
    const loaded = requests.length;
    const alone = await browser.newPage();
    // For what gets a fixed position below.
    await layOutAll(page);
    for (let i = 0; i < count; i++) {
      const figure = figures.nth(i);
      await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
      const { name, text } = await saved(page, figure);
      // Everything that it shows is in it.
      expect(text, name).not.toMatch(/ (class|style|href)=|light-dark|var\(|NaN|undefined/);
      const path = join(folder, name);
      writeFileSync(path, text);
      await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
      // Drawn at the size that the file says, where no pixel is shared.
      const size = await figure.locator("> svg").evaluate((drawing) => {
        const { width, height } = (drawing as SVGSVGElement).viewBox.baseVal;
        drawing.setAttribute(
          "style",
          `position: fixed; inset: 0 auto auto 0; width: ${width}px; max-width: none; background: #fff; z-index: 9`,
        );
        return { width, height };
      });
      const shown = await page.screenshot({ clip: { x: 0, y: 0, ...size } });
      await figure.locator("> svg").evaluate((drawing) => drawing.removeAttribute("style"));
      await alone.setViewportSize({ width: Math.ceil(size.width), height: Math.ceil(size.height) });
      await alone.goto(pathToFileURL(path).href);
      expect(await alone.evaluate(() => document.documentElement.localName), name).toBe("svg");
      const [one, other] = [await picture(await alone.screenshot()), await picture(shown)];
      expect(meanDifference(one, other), name).toBeLessThan(2);
      expect(largestDifference(one, other), name).toBeLessThan(64);
    }
    expect(requests.slice(loaded).filter((url) => !/^(blob|data):/.test(url))).toEqual([]);
    await Promise.all([page.close(), alone.close()]);
  });

  it("have texts that can be read, 360, 1024 and 2560 pixels wide", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    expect(await page.locator("figure.figure > svg").count()).toBeGreaterThanOrEqual(FIGURES.least);
    for (const width of [360, 1024, 2560]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await hiddenTexts(page), `${width} pixels wide`).toEqual([]);
    }
    await page.close();
  });
});

/** Fills the plot of many scenes with a few. */
async function askSomeScenes(page: Page): Promise<void> {
  const sweep = page.getByRole("region", { name: "many scenes" });
  await sweep.getByRole("button").first().click();
  await expect.poll(() => sweep.locator("svg .point").count(), { timeout: 120_000 }).toBeGreaterThan(4);
  await sweep.getByRole("button", { name: "stop" }).click();
  await settled(page);
}

/** What the button of a figure saves. */
async function saved(page: Page, figure: Locator): Promise<{ name: string; text: string }> {
  const button = figure.getByRole("button", { name: /^save SVG: / });
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  const name = download.suggestedFilename();
  expect(name).toMatch(/^[a-z0-9-]+\.svg$/);
  const parts: Buffer[] = [];
  for await (const part of await download.createReadStream()) parts.push(part as Buffer);
  return { name, text: Buffer.concat(parts).toString("utf8") };
}

/** The bytes of a small picture, [COMPARED, COMPARED, 3]. */
function picture(png: Buffer): Promise<Buffer> {
  return sharp(png).removeAlpha().resize(COMPARED, COMPARED, { fit: "fill" }).raw().toBuffer();
}

function differences(one: Buffer, other: Buffer): number[] {
  return Array.from(one, (level, i) => Math.abs(level - other[i]));
}

function meanDifference(one: Buffer, other: Buffer): number {
  return differences(one, other).reduce((sum, difference) => sum + difference, 0) / one.length;
}

function largestDifference(one: Buffer, other: Buffer): number {
  return Math.max(...differences(one, other));
}
