import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nuwa, temporaryFolder, withoutProgress } from "../cli/support.ts";
import { BROWSER, hiddenTexts, launch, recordedPage, WITHOUT_BROWSER } from "./chromium.ts";

describe.skipIf(BROWSER === undefined)(`reports in a browser${WITHOUT_BROWSER}`, () => {
  const report = join(temporaryFolder(), "report.html");
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
    const { code, err } = await nuwa(
      ...["inspect", "docs/images/scene.png", "Where is the <b>white</b> triangle?"],
      ...[
        "--method",
        "nuwa",
        "--after",
        "1",
        "--measure",
        "flow,flow-gradient,entropy,logit-lens,blocking,patching,positions,provenance",
        "--report",
        report,
      ],
    );
    expect({ code, err: withoutProgress(err) }).toEqual({ code: 0, err: "" });
  }, 120_000);
  afterAll(() => browser?.close());

  it("texts that lie over each other or reach out of a drawing are found", async () => {
    const { page } = await recordedPage(browser, 400);
    const texts = '<text x="10" y="20">first</text><text x="20" y="22">second</text><text x="90" y="60">third</text>';
    await page.setContent(`<figure><svg width="100" height="80">${texts}</svg></figure>`);
    expect(await hiddenTexts(page)).toEqual(["“first” lies over “second”", "“third” reaches out of its drawing"]);
    await page.close();
  });

  it.each([360, 1280])("nuwa inspect --report opens from disk, %i pixels wide", async (width) => {
    const { page, requests, complaints } = await recordedPage(browser, width);
    await page.goto(pathToFileURL(report).href);
    expect(complaints).toEqual([]);
    expect(requests).toEqual([pathToFileURL(report).href]); // the file itself alone
    expect(await page.locator("h2").allTextContents()).toEqual([
      "attention flow",
      "attention flow weighted by gradients",
      "visual attention entropy",
      "logit lens",
      "attention blocking",
      "activation patching",
      "position reconstruction",
      "provenance",
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
    expect(await hiddenTexts(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    expect(await page.locator("details pre").first().isVisible()).toBe(false);
    await page.locator("summary").first().click();
    expect(await page.locator("details pre").first().textContent()).toContain('"segments"');
    await page.close();
  });

  it.each([
    {
      command: ["ask", "docs/images/scene-129.png", "Where is the purple cross?"],
      headings: ["The run", "What the answer looks at", "What pruning saves", "How this was made"],
      shown: ["[0.36, 0.65, 0.57, 0.86]", "nuwa right (IoU 0.93), unpruned right (IoU 0.93)", "144 → 28 visual tokens"],
    },
    {
      command: ["compare", "docs/images/scene-129.png", "Where is the purple cross?", "--methods", "nuwa,visionzip"],
      headings: ["Side by side", "What each method keeps", "How this was made"],
      shown: ["visionzip", "(the answer held)"],
    },
  ])("nuwa $command.0 --report shows what was asked, answered and kept", async ({ command, headings, shown }) => {
    const file = join(temporaryFolder(), "report.html");
    expect(await nuwa(...command, "--report", file)).toMatchObject({ code: 0, err: "" });
    const { page, requests, complaints } = await recordedPage(browser, 640);
    await page.goto(pathToFileURL(file).href);
    expect(complaints).toEqual([]);
    // The pictures in the drawings are in the file.
    expect(requests.filter((url) => !url.startsWith("data:"))).toEqual([pathToFileURL(file).href]);
    expect(await page.locator("h2").allTextContents()).toEqual(headings);
    const text = (await page.locator("body").textContent()) ?? "";
    for (const part of shown) expect(text).toContain(part);
    expect(await hiddenTexts(page)).toEqual([]);
    const drawn = await page.evaluate(() =>
      [...document.querySelectorAll("figure > svg")].map((drawing) => drawing.getBoundingClientRect().width > 300),
    );
    await page.setViewportSize({ width: 480, height: 900 });
    // On a phone a row of a table is a list: what its column is called, and the value.
    const cells = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>(".wide td")].map((cell) => {
        const box = cell.getBoundingClientRect();
        const name = getComputedStyle(cell, "::before").content;
        return { name, isInside: box.left >= 0 && box.right <= innerWidth, isLow: box.height < 120 };
      }),
    );
    const names = await page.locator(".wide th").allTextContents();
    expect(cells.map(({ name }) => name)).toEqual(cells.map((_, i) => `"${names[i % names.length]}"`));
    expect(cells.every(({ isInside, isLow }) => isInside && isLow)).toBe(true);
    expect(await page.locator(".wide thead").isVisible()).toBe(false);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(480);
    expect(drawn.length).toBeGreaterThan(0);
    expect(drawn).not.toContain(false);
    await page.close();
  });
});
