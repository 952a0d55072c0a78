import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch } from "./chromium.ts";
import {
  ADDRESS,
  layOutAll,
  openPage,
  type PageState,
  settled,
  setValue,
  stateOf,
  WITHOUT_PAGE,
} from "./page-support.ts";

const AXE = fileURLToPath(new URL("../../docs/page/node_modules/axe-core/axe.min.js", import.meta.url));

describe.skipIf(ADDRESS === "")(`the page${WITHOUT_PAGE}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it("asks for nothing after loading and keeps no tensor, whatever is moved", async () => {
    const { page, requests, complaints } = await openPage(browser);
    await settled(page);
    const loaded = requests.length;
    await moveEverything(page);
    // The last one that was taken may keep everything before the decoder, whatever the budget.
    await page.getByTestId("method-a").selectOption("nuwa");
    await settled(page);
    const tensors = () => page.evaluate("nuwaPage.tensors()") as Promise<number>;
    const states = new Set<string>();
    let before = 0;
    for (let i = 0; i < 100; i++) {
      const round = i % 10;
      await setValue(page, "budget", 12 + 4 * round);
      if (round % 3 === 0) await setValue(page, "scene-seed", 10 + round);
      if (round % 5 === 0) await page.getByTestId("positions").selectOption(["original", "rpme"][Number(round > 0)]);
      if (i % 7 < 6) continue;
      states.add(JSON.stringify((await settled(page)).kept));
      if (i === 20) before = await tensors();
    }
    await settled(page);
    expect(states.size).toBeGreaterThan(5);
    // The scenes that stay encoded are two, as after the first round.
    expect(await tensors()).toBeLessThanOrEqual(before);
    expect(requests.slice(loaded).filter((url) => !/^(blob|data):/.test(url))).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("has nothing that axe finds fault with, light and dark", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    await layOutAll(page);
    await page.addScriptTag({ path: AXE });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      expect(await faultsOf(page), colorScheme).toEqual([]);
    }
    await page.close();
  });

  it("is not wider than screens of 360, 768 and 3840 pixels, and leads to its steps on all", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    const ways = page.getByRole("navigation", { name: "steps" });
    for (const width of [768, 3840, 360]) {
      await page.setViewportSize({ width, height: 900 });
      const laidOut = await layOutAll(page);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      await laidOut.evaluate((style) => style.remove());
      expect(await ways.locator("a:visible").count(), `links at ${width} pixels`).toBe(width === 360 ? 0 : 7);
    }
    await ways.getByRole("combobox", { name: "go to a step" }).selectOption("5");
    await expect.poll(() => new URL(page.url()).hash).toBe("#step-5");
    const { y } = (await page.locator("#step-5").boundingBox()) as { y: number };
    expect(Math.abs(y)).toBeLessThan(150);
    await page.close();
  });

  it("comes back from its address as it was", async () => {
    const { page } = await openPage(browser);
    await setValue(page, "scene-seed", 66);
    await setValue(page, "budget", 20);
    await page.getByTestId("positions").selectOption("rpme");
    await page.getByTestId("method-a").selectOption("visionzip");
    const before = await settled(page);
    expect(before).toMatchObject({ seed: 66, budget: 20, positions: "rpme", method: "visionzip" });
    const again = await openPage(browser, new URL(page.url()).search);
    expect(await settled(again.page)).toEqual(before);
    await Promise.all([page.close(), again.page.close()]);
  });

  it("passes over what its address says wrongly", async () => {
    const plain = await openPage(browser);
    const nonsense = [
      "seed=-3",
      "budget=many",
      "a=unheard",
      "b=%00",
      "positions=up",
      "variant=",
      "tau=2",
      "quantile=x",
    ];
    const more = ["region=99", "layer=1e9", "shapes=cross.purple", "unheard=1", "__proto__=1", "seed=5"];
    const { page, complaints } = await openPage(browser, `?${[...nonsense, ...more].join("&")}`);
    expect(await settled(page)).toEqual(await settled(plain.page));
    expect(complaints).toEqual([]);
    // What was meant is told.
    const passedOver = (await page.getByTestId("passed-over").textContent()) ?? "";
    for (const field of ["positions=up", "tau=2", "unheard=1", "region=99"]) expect(passedOver).toContain(field);
    expect(passedOver).not.toContain("seed=5");
    await Promise.all([page.close(), plain.page.close()]);
  });

  it("can be walked through by keyboard, from step to step", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    const steps = await page.locator("section.step").count();
    const reached = new Set<string>();
    let end = false;
    for (let i = 0; i < 400 && !end; i++) {
      await page.keyboard.press("Escape");
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const focused = document.activeElement as HTMLElement | null;
        const box = focused?.getBoundingClientRect();
        const step = focused?.closest("section.step")?.id ?? "";
        return { step, body: focused === document.body, seen: (box?.width ?? 0) > 0 && (box?.height ?? 0) > 0 };
      });
      end = at.body && reached.size > 0;
      if (!end) expect(at.seen).toBe(true);
      if (at.step) reached.add(at.step);
    }
    expect(end, "the walk has an end").toBe(true);
    expect(reached.size).toBe(steps);
    const before: PageState = await stateOf(page);
    await page.getByTestId("budget").focus();
    await page.keyboard.press("ArrowRight");
    expect((await settled(page)).budget).toBe(before.budget + 1);
    await page.close();
  });
});

/** Takes every choice, moves every slider, and presses every button but those that save. */
async function moveEverything(page: Page): Promise<void> {
  const selects = page.locator("main select");
  for (let i = 0; i < (await selects.count()); i++) {
    const values = await selects
      .nth(i)
      .locator("option")
      .evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value));
    for (const value of values) await selects.nth(i).selectOption(value);
  }
  const sliders = page.locator("input[type=range]");
  for (let i = 0; i < (await sliders.count()); i++) {
    await sliders.nth(i).focus();
    for (const key of ["Home", "ArrowRight", "End", "ArrowLeft", "PageDown"]) await page.keyboard.press(key);
  }
  const buttons = page.locator("main button:not([aria-label^='save SVG'])");
  for (let i = 0; i < (await buttons.count()); i++) {
    const button = buttons.nth(i);
    if ((await button.isVisible()) && (await button.isEnabled())) await button.click();
  }
}

/** What axe finds fault with. */
function faultsOf(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    interface Violation {
      readonly id: string;
      readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
    }
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)}: ${failureSummary}`),
    );
  });
}
