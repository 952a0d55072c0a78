import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch } from "./chromium.ts";
import { ADDRESS, openPage, settled, setValue, stateOf, WITHOUT_PAGE } from "./page-support.ts";

describe.skipIf(ADDRESS === "")(`answers on the page${WITHOUT_PAGE}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  const change: Readonly<Record<string, (page: Page) => Promise<void>>> = {
    question: async (page) => {
      await page.getByTestId("question").fill("How many shapes are there?");
      await page.getByTestId("ask").click();
    },
    scene: (page) => setValue(page, "scene-seed", 15),
    budget: (page) => setValue(page, "budget", 9),
    method: async (page) => {
      await page.getByTestId("method-a").selectOption("random");
    },
    positions: async (page) => {
      await page.getByTestId("positions").selectOption("compressed");
    },
  };

  it.each(Object.keys(change))("never mark an old answer against a new truth: another %s", async (what) => {
    const { page } = await openPage(browser);
    await everythingComputed(page);
    await page.evaluate(WATCH_VERDICTS);
    await change[what](page);
    await everythingComputed(page);
    const frames = (await page.evaluate("watched")) as { state: string; verdicts: string[] }[];
    const { state, verdicts: last } = frames[frames.length - 1];
    expect(last.length).toBeGreaterThan(6);
    const seen = frames.filter((frame) => frame.state === state).map(({ verdicts }) => verdicts);
    expect(seen.length).toBeLessThan(frames.length);
    // Something was computed meanwhile, and each verdict that stood there then is one that stands there in the end.
    expect(seen.some((verdicts) => verdicts.includes("…"))).toBe(true);
    for (const verdicts of seen)
      for (const [i, verdict] of verdicts.entries()) if (verdict !== "…") expect(verdict, `verdict ${i}`).toBe(last[i]);
    await page.close();
  });

  it("say that they are computed, at the top of the screen wherever one reads", async () => {
    const { page } = await openPage(browser);
    await everythingComputed(page);
    await page.locator("#step-6").scrollIntoViewIfNeeded();
    await page.getByTestId("method-a").selectOption("random");
    const bar = page.locator(".answer-bar");
    await bar.getByText("computing…").waitFor();
    expect((await bar.boundingBox())?.y).toBe(0);
    const { answer } = await settled(page);
    expect((await bar.textContent())?.replaceAll(" ", "")).toContain(answer.replaceAll(" ", ""));
    expect(await bar.getByText("Where is the purple cross?").count()).toBe(1);
    await page.close();
  });

  it.each([390, 1280])(
    "have a bar of at most a ninth of the screen that hides nothing with focus, %i",
    async (width) => {
      const { page } = await openPage(browser, "", width);
      await everythingComputed(page);
      const bar = (await page.locator(".answer-bar").boundingBox()) as { height: number };
      expect(bar.height).toBeLessThanOrEqual((page.viewportSize()?.height ?? 0) / 9);
      for (const key of ["Tab", "Shift+Tab"])
        for (let i = 0; i < 100; i++) {
          // Out of the editor, where Tab indents.
          await page.keyboard.press("Escape");
          await page.keyboard.press(key);
          const hidden = await page.evaluate(() => {
            const [focused, above] = [document.activeElement, document.querySelector(".answer-bar")];
            if (!focused || !above || focused === document.body || above.contains(focused)) return "";
            const [own, over] = [focused.getBoundingClientRect(), above.getBoundingClientRect()];
            const isHidden =
              own.height < innerHeight - over.height && own.top < over.bottom - 1 && own.bottom > over.top;
            return isHidden ? focused.outerHTML.slice(0, 200) : "";
          });
          expect(hidden, `${key} ${i}`).toBe("");
        }
      await page.close();
    },
  );

  it("say why a question has no true answer, and a link keeps it", async () => {
    const { page } = await openPage(browser, "?seed=130&question=Where+is+the+purple+cross%3F");
    await everythingComputed(page);
    expect(await page.getByTestId("question").inputValue()).toBe("Where is the purple cross?");
    const line = page.locator("#question .misfit");
    expect(await line.textContent()).toContain("There is no purple cross in this scene.");
    expect(await page.locator(".answer-bar").textContent()).toContain("not marked");
    expect(await page.locator("#question .answer").textContent()).not.toMatch(/right|wrong/);
    await page.getByTestId("question").fill("Wo ist das Kreuz?");
    await page.getByTestId("ask").click();
    await settled(page);
    expect(await line.textContent()).toContain("cannot mark");
    await page.close();
  });

  it("are to a question that fits another scene, and to the reader's again where it fits", async () => {
    const { page } = await openPage(browser);
    await everythingComputed(page);
    await page.getByRole("button", { name: "another scene" }).click();
    const asked = await page.getByTestId("question").inputValue();
    expect(asked).not.toBe("Where is the purple cross?");
    expect(await page.locator("#question .misfit").count()).toBe(0);
    await page.locator(".chips button", { hasText: asked }).waitFor();
    await setValue(page, "scene-seed", 129);
    expect(await page.getByTestId("question").inputValue()).toBe("Where is the purple cross?");
    await page.close();
  });

  it("have their box under original ids beside them, where other ids are in use", async () => {
    const { page } = await openPage(browser);
    await everythingComputed(page);
    const legend = page.locator("#step-4 .legend");
    const original = (await stateOf(page)).box as number[];
    expect(await page.locator("#step-4 .answer-box.original").count()).toBe(0);
    await page.getByTestId("positions").selectOption("compressed");
    await everythingComputed(page);
    await page.locator("#step-4 figure .answer-box.original").waitFor();
    await expect.poll(() => legend.textContent()).toContain("original ids, to compare: [");
    // Drawn 480 wide.
    const x = await page.locator("#step-4 figure .answer-box.original rect").first().getAttribute("x");
    expect(Number(x) / 480).toBeCloseTo(original[0], 5);
    expect((await stateOf(page)).box).not.toEqual(original);
    await page.close();
  });
});

/** Waits until the answers of all methods are there. */
async function everythingComputed(page: Page): Promise<void> {
  await settled(page);
  await page.locator(".answer-bar [role=status][aria-busy=false]").waitFor();
}

/** Notes, frame by frame, the page's state and every verdict: `right`, `wrong`, or `…` where there is none. */
const WATCH_VERDICTS = `
  window.watched = [];
  const look = () => {
    const parts = [
      ...document.querySelectorAll(".answer-bar .one"),
      document.querySelector("#question .answer"),
      ...[...document.querySelectorAll("#step-4 .legend li")].slice(1, 3),
      ...document.querySelectorAll("#step-6 .numbers tbody tr:nth-child(2) td"),
    ];
    const { seed, budget, method, positions } = nuwaPage.state();
    const question = document.querySelector(".answer-bar .asked").textContent;
    watched.push({
      state: JSON.stringify([seed, budget, method, positions, question]),
      verdicts: parts.map(({ textContent }) => /right|wrong/.exec(textContent)?.[0] ?? "…"),
    });
    requestAnimationFrame(look);
  };
  look();
`;
