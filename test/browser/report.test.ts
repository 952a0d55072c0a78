import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nuwa, temporaryFolder } from "../cli/support.ts";
import { BROWSER, launch, recordedPage, WITHOUT_BROWSER } from "./chromium.ts";

describe.skipIf(BROWSER === undefined)(`reports in a browser${WITHOUT_BROWSER}`, () => {
  const report = join(temporaryFolder(), "report.html");
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
    const { code, err } = await nuwa(
      ...["inspect", "docs/images/scene.png", "Where is the <b>white</b> triangle?"],
      ...["--method", "nuwa", "--measure", "flow,blocking,positions", "--report", report],
    );
    expect({ code, err }).toEqual({ code: 0, err: "" });
  }, 120_000);
  afterAll(() => browser?.close());

  it.each([360, 1280])("nuwa inspect --report opens from disk, %i pixels wide", async (width) => {
    const { page, requests, complaints } = await recordedPage(browser, width);
    await page.goto(pathToFileURL(report).href);
    expect(complaints).toEqual([]);
    expect(requests).toEqual([pathToFileURL(report).href]); // the file itself alone
    expect(await page.locator("h2").allTextContents()).toEqual([
      "attention flow",
      "attention blocking",
      "position reconstruction",
      "How this was made",
    ]);
    // What a question holds is text, not HTML.
    expect(await page.locator("b").count()).toBe(0);
    expect(await page.locator("pre").last().textContent()).toMatch(
      /^npx --no-install nuwa inspect docs\/images\/scene\.png 'Where is the <b>white<\/b> triangle\?' --method nuwa /,
    );
    // Drawings are seen whole, and nothing makes the page wider than the screen.
    for (const figure of await page.locator("figure > svg").all()) {
      const box = await figure.boundingBox();
      expect(box?.height).toBeGreaterThan(100);
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(width);
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    expect(await page.locator("details pre").first().isVisible()).toBe(false);
    await page.locator("summary").first().click();
    expect(await page.locator("details pre").first().textContent()).toContain('"segments"');
    await page.close();
  });
});
