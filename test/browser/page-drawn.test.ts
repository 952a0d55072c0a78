import { execFileSync } from "node:child_process";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FirstRun, readFirstRun } from "../../docs/page/src/model/first-run.ts";
import { best } from "../../src/core/ranking.ts";
import { alignAnchors } from "../../src/methods/nuwa/alignment.ts";
import { intersectionOverUnion } from "../../src/world/geometry.ts";
import { truthOf } from "../../src/world/reading.ts";
import { sceneOf } from "../../src/world/scene.ts";
import { launch } from "./chromium.ts";
import { ADDRESS, openPage, settled, setValue, stateOf, WITHOUT_PAGE } from "./page-support.ts";

/** Width of the figures' drawings, and of a patch in them. */
const [SIDE, CELL] = [480, 40];
const QUESTION = "Where is the purple cross?";

describe.skipIf(ADDRESS === "")(`what the page draws is what was computed${WITHOUT_PAGE}`, () => {
  let browser: Browser;
  /** Of the state that the page begins with, computed under Node. */
  let run: FirstRun;
  beforeAll(async () => {
    const script = ["--import", "tsx", "scripts/page/first-run.ts"];
    const json = execFileSync(process.execPath, script, { encoding: "utf8", maxBuffer: 2 ** 26, stdio: "pipe" });
    run = readFirstRun(JSON.parse(json));
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it.each([
    { search: "", regionSize: 2, keep: 56 },
    { search: "?budget=18&region=3", regionSize: 3, keep: 32 },
  ])("step 2: the patches of both selections, $search", async ({ search, regionSize, keep }) => {
    const { page } = await openPage(browser, search);
    const { kept } = await settled(page);
    const scores = run.seen.salience.official;
    const [aligned, top] = await Promise.all(
      [0, 1].map((i) => keptCircles(page.locator("#step-2 .pair figure").nth(i))),
    );
    expect(aligned).toHaveLength(keep);
    expect(aligned).toEqual(sorted(alignAnchors(scores, run.facts.grid, { keep, regionSize })));
    if (regionSize === 2) expect(aligned).toEqual(sorted(kept));
    expect(top).toEqual(sorted(best([...scores.keys()], scores, keep)));
    expect(top).not.toEqual(aligned);
    await page.close();
  });

  it("step 4: ids beside the patches, on the ruler and in the list", async () => {
    const { page } = await openPage(browser, "?positions=rpme&budget=20");
    const { kept, ids } = await settled(page);
    const step = page.locator("#step-4");
    const labels = await step.locator("figure").first().locator("svg text").evaluateAll(textsAt);
    expect(new Map(labels.map(({ x, y, text }) => [cellOf(x, y), Number(text)]))).toEqual(
      new Map(kept.map((cell, i) => [cell, ids[i]])),
    );
    await step.locator("details summary").click();
    expect(await step.locator(".id-list").textContent()).toBe(ids.join(", "));
    const ruler = step.getByRole("slider", { name: "kept token" });
    await ruler.focus();
    await page.keyboard.press("Home");
    for (const i of [0, 1, 2]) {
      await expect.poll(() => ruler.getAttribute("aria-valuetext")).toContain(`position id ${ids[i]}`);
      expect(await ruler.locator(".used .id").textContent()).toBe(`id ${ids[i]}`);
      await page.keyboard.press("ArrowRight");
    }
    await page.close();
  });

  it("step 4 and step 6: the box of the answer, and how well it fits", async () => {
    const { page } = await openPage(browser, "?positions=compressed");
    const { box = [0, 0, 0, 0] } = await settled(page);
    const { box: truth } = truthOf(sceneOf("test", 129), QUESTION) as { box: typeof box };
    for (const figure of ["#step-4 figure", "#step-6 .pane figure"]) {
      expectBox(await rectOf(page.locator(figure).first().locator(".pruned")), box);
      expectBox(await rectOf(page.locator(figure).first().locator(".truth")), truth);
    }
    const rows = await page.locator("#step-6 .numbers").first().locator("tbody tr").allTextContents();
    const [fit] = rows.filter((row) => row.startsWith("IoU with the true box"));
    const iou = intersectionOverUnion(truth as never, box as never).toFixed(2);
    expect(fit.slice("IoU with the true box".length).startsWith(iou), `${fit}, ${iou}`).toBe(true);
    await page.close();
  });

  it("step 5: as many tokens in each layer as enter it", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    expect(await countsOf(page)).toEqual(run.answerA.entering);
    await setValue(page, "budget", 20);
    await settled(page);
    await expect.poll(async () => mean(await countsOf(page))).toBeCloseTo(20, 0);
    const counts = await countsOf(page);
    expect(counts[0]).toBe((await stateOf(page)).kept.length);
    // The caption says of the layer what its bar shows.
    for (const layer of [3, 4]) {
      await setValue(page, "layer", layer);
      await expect
        .poll(() => page.locator("#step-5 .bars-figure figcaption").textContent())
        .toContain(`Layer ${layer}: ${counts[layer]} of 144 visual tokens`);
    }
    await page.close();
  });
});

const sorted = (cells: readonly number[]) => [...cells].sort((a, b) => a - b);
const mean = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0) / counts.length;
const cellOf = (x: number, y: number) => Math.floor(y / CELL) * (SIDE / CELL) + Math.floor(x / CELL);

/** The patches with a circle, in raster order. */
async function keptCircles(figure: Locator): Promise<number[]> {
  const middles = await figure
    .locator("circle")
    .evaluateAll((circles) => circles.map((circle) => ["cx", "cy"].map((name) => Number(circle.getAttribute(name)))));
  return sorted(middles.map(([x, y]) => cellOf(x, y)));
}

/** The texts of a drawing and where they begin. */
function textsAt(texts: readonly Element[]) {
  return texts.map((one) => ({
    x: Number(one.getAttribute("x")),
    y: Number(one.getAttribute("y")),
    text: one.textContent ?? "",
  }));
}

/** The edges of a box that is drawn, as shares of the side. */
async function rectOf(drawn: Locator): Promise<number[]> {
  const [x, y, width, height] = await drawn
    .locator("rect")
    .last()
    .evaluate((rect) => ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name))));
  return [x, y, x + width, y + height].map((edge) => edge / SIDE);
}

function expectBox(drawn: readonly number[], box: readonly number[]): void {
  for (const [i, edge] of box.entries()) expect(drawn[i]).toBeCloseTo(edge, 5);
}

/** The numbers on the bars of step 5. */
function countsOf(page: Page): Promise<number[]> {
  return page
    .locator("#step-5 .bars .layer")
    .evaluateAll((bars) => bars.map((bar) => Number(bar.querySelector("text")?.textContent)));
}
