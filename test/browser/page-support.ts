import type { Browser, ElementHandle, Page } from "playwright-core";
import { inject } from "vitest";
import type { NuwaPage } from "../../docs/page/src/state/nuwa-page.ts";
import { type PageRecord, recordedPage } from "./chromium.ts";

/** What the page says of itself. */
export type PageState = ReturnType<NuwaPage["state"]>;

/** Where the page is served; empty where it is not. */
export const ADDRESS = inject("page");
/** Why it is not, for names of tests. */
export const WITHOUT_PAGE = inject("without");

/** The most that is taken off the least of some times: the least of many meets a machine that does little else. */
const MOST_SLOWNESS = 4;

/** How often longer a computation takes now than it would alone: time that passes by time of the processor, 1 at least. */
function slowness(): number {
  const [started, before] = [performance.now(), process.cpuUsage()];
  for (;;) {
    const { user, system } = process.cpuUsage(before);
    const used = (user + system) / 1000;
    if (used > 20) return Math.max(1, (performance.now() - started) / used);
  }
}

/**
 * How often longer than on a machine that does nothing else a computation takes while some work is repeated: the median
 * of what is measured before and behind each time.
 */
export async function slownessDuring(times: number, work: (attempt: number) => Promise<void>): Promise<number> {
  const slow: number[] = [];
  for (let attempt = 0; attempt < times; attempt++) {
    // Before and behind: what else runs may begin or end.
    slow.push(slowness());
    await work(attempt);
    slow.push(slowness());
  }
  return median(slow);
}

/** The middle one of some values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/**
 * The least of some times, in milliseconds, divided by the machine's slowness meanwhile: what else runs on it only adds
 * to a time. On a machine that does nothing else it is the time itself. The tries end once it is within the limit.
 */
export async function fastest(limit: number, tries: number, time: (attempt: number) => Promise<number>) {
  const [times, slow]: number[][] = [[], []];
  const least = () => Math.min(...times) / median(slow);
  do {
    times.push(await time(times.length));
    slow.push(Math.min(MOST_SLOWNESS, slowness()));
  } while (times.length < tries && least() >= limit);
  return least();
}

/** The page at a search part of its address, when its model has loaded. */
export async function openPage(browser: Browser, search = "", width = 1280): Promise<PageRecord> {
  const opened = await recordedPage(browser, width);
  await opened.page.goto(`${ADDRESS}${search}`);
  await opened.page.evaluate("nuwaPage.ready");
  return opened;
}

/** Has steps off the screen laid out, too, and what they hold reach beyond them where it does, until its style goes. */
export function layOutAll(page: Page): Promise<ElementHandle<Element>> {
  return page.addStyleTag({ content: ".step { content-visibility: visible }" }) as Promise<ElementHandle<Element>>;
}

/** What the page says of itself now. */
export function stateOf(page: Page): Promise<PageState> {
  return page.evaluate("nuwaPage.state()") as Promise<PageState>;
}

/** What the page says of itself when nothing is computed any more, nor about to be. */
export async function settled(page: Page): Promise<PageState> {
  // An answer begins when the reader's hand has rested for a quarter of a second.
  for (let quiet = 0; quiet < 4; ) {
    await page.waitForTimeout(100);
    quiet = (await stateOf(page)).busy ? 0 : quiet + 1;
  }
  return stateOf(page);
}

/** Moves a slider or fills a field as a reader's hand would. */
export async function setValue(page: Page, testId: string, value: number | string): Promise<void> {
  await page.getByTestId(testId).evaluate((element, text) => {
    const field = element as HTMLInputElement;
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }, String(value));
}
