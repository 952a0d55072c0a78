import type { Browser, ElementHandle, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch } from "./chromium.ts";
import { ADDRESS, fastest, median, openPage, settled, slownessDuring, WITHOUT_PAGE } from "./page-support.ts";

/** All that the page may load, in bytes. */
const MOST_BYTES = 9_000_000;
/** Longest time until the first figure, until an answer, for a move of a slider, and of a task of the page, in ms. */
const [FIRST_FIGURE, ANSWER, MOVE, TASK] = [1000, 1500, 50, 50];
/** How much longer than {@link MOVE} the method's tokens may take while an answer takes one of the machine's two cores. */
const BESIDE_ANSWER = 2;

describe.skipIf(ADDRESS === "")(`how fast the page is${WITHOUT_PAGE}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it("shows a real run within a second of being opened, and loads at most 9 MB", async () => {
    const first = await fastest(FIRST_FIGURE, 5, async () => {
      const page = await browser.newPage();
      await page.addInitScript(() => {
        const look = () => {
          const api = (window as unknown as { nuwaPage?: { state(): { kept: number[] } } }).nuwaPage;
          const drawn = (document.querySelector(".figure svg")?.getBoundingClientRect().width ?? 0) > 100;
          if (drawn && (api?.state().kept.length ?? 0) > 0) performance.mark("first");
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      });
      await page.goto(ADDRESS);
      await page.evaluate("nuwaPage.ready");
      const bytes: number = await page.evaluate(() =>
        [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
          .map((entry) => (entry as PerformanceResourceTiming).encodedBodySize)
          .reduce((sum, size) => sum + size, 0),
      );
      expect(bytes).toBeGreaterThan(7_000_000);
      expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
      const time = await page.evaluate(() => performance.getEntriesByName("first")[0].startTime);
      await page.close();
      return time;
    });
    console.log(`first figure after ${first.toFixed(0)} ms`);
    expect(first).toBeLessThan(FIRST_FIGURE);
  });

  it.each([false, true])("answers a move of the budget at once; while an answer is computed: %s", async (isAsked) => {
    const { page } = await openPage(browser);
    const [anchors, kept]: number[][] = [[], []];
    const slowness = await slownessDuring(20, async (attempt) => {
      await settled(page);
      if (isAsked) {
        await page.getByTestId("ask").click();
        await page.waitForFunction("nuwaPage.state().busy", undefined, { polling: 5 });
        // It begins when the reader's hand has rested.
        await page.waitForTimeout(300);
      }
      const times = await moveBudget(page, 20 + ((attempt * 7) % 40));
      anchors.push(times[0]);
      kept.push(times[1]);
    });
    const [drawn, known] = [median(anchors), median(kept)];
    console.log(
      `a move of the budget, median of 20: anchors ${drawn.toFixed(0)} ms, what the method keeps ${known.toFixed(0)} ms, ` +
        `on a machine ${slowness.toFixed(1)} times as slow as alone; ${rounded(anchors)}; ${rounded(kept)}`,
    );
    expect(drawn / slowness, "anchors").toBeLessThan(MOVE);
    expect(known / slowness, "what the method keeps").toBeLessThan(isAsked ? BESIDE_ANSWER * MOVE : MOVE);
    await page.close();
  });

  it("answers a question within one and a half seconds", async () => {
    const { page } = await openPage(browser);
    const least = await fastest(ANSWER, 5, async () => {
      await settled(page);
      const started = performance.now();
      await page.getByTestId("ask").click();
      await page.waitForFunction("nuwaPage.state().busy", undefined, { polling: 5 });
      await page.waitForFunction("!nuwaPage.state().busy", undefined, { polling: 5 });
      return performance.now() - started;
    });
    console.log(`an answer after ${least.toFixed(0)} ms`);
    expect(least).toBeLessThan(ANSWER);
    await page.close();
  });

  it("has no task of 50 ms on its main thread, whatever is moved", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    // They are looked for once: a search by role takes longer than the page's own tasks, and would be measured with them.
    const [handle, budget, another] = (await Promise.all(
      [
        page.locator("#step-1 [role=button][aria-label*='arrow keys']").first(),
        page.getByTestId("budget"),
        page.getByRole("button", { name: "another scene" }),
      ].map((found) => found.elementHandle()),
    )) as ElementHandle<HTMLElement>[];
    const moves: Readonly<Record<string, () => Promise<void>>> = {
      async "a shape, by keyboard"() {
        await handle.focus();
        for (let i = 0; i < 10; i++) await page.keyboard.press(i % 2 ? "Shift+ArrowLeft" : "Shift+ArrowRight");
      },
      async "a shape, by mouse"() {
        const { x, y } = (await handle.boundingBox()) as { x: number; y: number };
        await page.mouse.move(x + 10, y + 10);
        await page.mouse.down();
        await page.mouse.move(x + 60, y + 40, { steps: 20 });
        await page.mouse.up();
      },
      async "the budget"() {
        await budget.focus();
        for (let i = 0; i < 10; i++) await page.keyboard.press("ArrowRight");
      },
      async "the scene"() {
        for (let i = 0; i < 3; i++) await another.click();
      },
    };
    for (const [what, move] of Object.entries(moves)) {
      let longest = Number.POSITIVE_INFINITY;
      // A processor that is shared is slower at times: a task that is always too long stays so in every try.
      for (let tries = 0; tries < 4 && longest >= TASK; tries++)
        longest = await longestTask(browser, page, async () => {
          await move();
          await settled(page);
        });
      console.log(`${what}: the longest task took ${longest.toFixed(0)} ms of the processor`);
      expect(longest, what).toBeGreaterThan(0);
      expect(longest, what).toBeLessThan(TASK);
    }
    await page.close();
  });
});

/** Moves the budget; milliseconds until the anchors are drawn anew, and until the page has what the method keeps. */
function moveBudget(page: Page, value: number): Promise<readonly [anchors: number, kept: number]> {
  return page.getByTestId("budget").evaluate(async (element, budget) => {
    const slider = element as HTMLInputElement;
    const { nuwaPage } = window as unknown as { nuwaPage: { state(): { kept: number[] } } };
    const before = nuwaPage.state().kept;
    const drawing = slider.closest("section")?.querySelector("figure svg") as Element;
    const drawn = drawing.innerHTML;
    let anchors: number | undefined;
    // A message comes back sooner than a timer, which waits for 4 ms.
    const { port1, port2 } = new MessageChannel();
    slider.value = String(budget);
    const started = performance.now();
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    for (;;) {
      await new Promise((next) => {
        port1.onmessage = next;
        port2.postMessage(0);
      });
      const now = performance.now() - started;
      if (drawing.innerHTML !== drawn) anchors ??= now;
      if ((anchors !== undefined && nuwaPage.state().kept !== before) || now > 10_000) return [anchors ?? now, now];
    }
  }, value);
}

/** The most time of the processor that a task of the page's main thread takes, in ms, whatever else the machine does. */
async function longestTask(browser: Browser, page: Page, work: () => Promise<void>): Promise<number> {
  await browser.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline"] });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid}.${tid}`;
  const main = traceEvents.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain");
  const mains = new Set(main.map(threadOf));
  const tasks = traceEvents.filter((event) => event.name === "RunTask" && mains.has(threadOf(event)));
  return Math.max(0, ...tasks.map(({ tdur = 0 }) => tdur / 1000));
}

/** What is read of an event of Chromium's trace. */
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of the processor that it took. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

function rounded(times: readonly number[]): string {
  return times.map((time) => time.toFixed(0)).join(", ");
}
