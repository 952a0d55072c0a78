import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch } from "./chromium.ts";
import { ADDRESS, openPage, settled, setValue, WITHOUT_PAGE } from "./page-support.ts";

describe.skipIf(ADDRESS === "")(`steps 5 and 6 of the page${WITHOUT_PAGE}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it.each([
    [
      "official",
      "the released code's, the score is the attention",
      "released code, shown now",
      "attention of the last",
    ],
    ["paper", "the paper's, the score is the cosine", "paper, shown now", "cosine with the mean of the text"],
  ])("tell and print the second cut as the reading %s has it", async (variant, said, marked, scale) => {
    const { page } = await openPage(browser, `?variant=${variant}`);
    await settled(page);
    const step = page.locator("#step-5");
    expect(await step.locator(".told > p").allTextContents()).toContainEqual(expect.stringContaining(said));
    const readings = await step.locator(".reading").allTextContents();
    expect(readings.filter((text) => text.includes("shown now"))).toEqual([expect.stringContaining(marked)]);
    expect(await step.locator(".heat-scale").last().textContent()).toContain(`score: ${scale}`);
    expect(await page.locator("#step-3 .behind").textContent()).toContain("also changes stage 2");
    await page.close();
  });

  it("colour attention by one scale for all layers, unless the reader wants one for each", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    const scale = page.locator("#step-5 .heat-scale").first();
    const mostIn = async (layer: number) => {
      await setValue(page, "layer", layer);
      await page
        .getByRole("img", { name: `Attention in layer ${layer}` })
        .or(page.getByRole("group", { name: `Attention in layer ${layer}` }))
        .waitFor();
      return Number(await scale.locator("span").last().textContent());
    };
    expect(await scale.textContent()).toContain("all layers");
    const [first, third] = [await mostIn(0), await mostIn(3)];
    expect(first).toBe(third);
    await page.getByLabel("colours").selectOption("own");
    const [own, other] = [await mostIn(0), await mostIn(3)];
    expect(await scale.textContent()).toContain("layer 3 alone");
    expect(own).not.toBe(other);
    expect(Math.max(own, other)).toBeLessThanOrEqual(first);
    await page.close();
  });

  it("ask about the same scenes under every budget and method", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    const sweep = page.getByRole("region", { name: "many scenes" });
    await sweep.getByRole("checkbox", { name: "with your pruner of step 7" }).check();
    await sweep.getByRole("button").first().click();
    const done = async () => Number(/(\d+) of/.exec((await sweep.textContent()) ?? "")?.[1]);
    await expect.poll(done, { timeout: 200_000 }).toBeGreaterThan(1);
    await sweep.getByRole("button", { name: "stop" }).click();
    await sweep.getByRole("button", { name: "go on" }).waitFor();
    const scenes = await done();
    const told = await sweep.locator(".point title").allTextContents();
    const counts = new Map<string, number>();
    for (const text of told) {
      const key = /^(.*?, scene \d+),/.exec(text)?.[1] ?? text;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const seeds = Array.from({ length: scenes }, (_, i) => 1000 + i);
    const wanted = [
      ["unpruned", 1] as const,
      ["nuwa", 4] as const,
      ["visionzip", 4] as const,
      ["yours", 4] as const,
    ].flatMap(([who, count]) => seeds.map((seed) => [`${who}, scene ${seed}`, count] as const));
    expect(Object.fromEntries(counts)).toEqual(Object.fromEntries(wanted));
    expect(await sweep.locator(".mean").count()).toBe(13);
    expect(await sweep.locator("polyline").count()).toBe(0);
    expect(await sweep.locator("ul.differences").textContent()).toContain("too few scenes to tell");
    await page.close();
  });

  it("a projector shows what steps 4 and 5 change together with their choices, the bars of the cache included", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    await page.setViewportSize({ width: 1280, height: 720 });
    for (const [number, figures] of [
      [4, 1],
      [5, 3],
    ]) {
      const bottoms = await page.locator(`#step-${number}`).evaluate((step) => {
        step.scrollIntoView();
        return [...step.querySelectorAll(".figure > svg")].map((figure) => figure.getBoundingClientRect().bottom);
      });
      expect(bottoms.length, `figures of step ${number}`).toBeGreaterThanOrEqual(figures);
      expect(Math.max(...bottoms.slice(0, figures)), `step ${number}`).toBeLessThan(720);
    }
    await page.close();
  });
});
