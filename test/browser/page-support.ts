import type { Browser, Page } from "playwright-core";
import { inject } from "vitest";
import type { NuwaPage } from "../../docs/page/src/state/nuwa-page.ts";
import { type PageRecord, recordedPage } from "./chromium.ts";

/** What the page says of itself. */
export type PageState = ReturnType<NuwaPage["state"]>;

/** Where the page is served; empty where it is not. */
export const ADDRESS = inject("page");
/** Why it is not, for names of tests. */
export const WITHOUT_PAGE = inject("without");

/** How much slower than said a machine that others use, too, may be. */
export const GENEROUS = 10;

/** The page at a search part of its address, when its model has loaded. */
export async function openPage(browser: Browser, search = "", width = 1280): Promise<PageRecord> {
  const opened = await recordedPage(browser, width);
  await opened.page.goto(`${ADDRESS}${search}`);
  await opened.page.evaluate("nuwaPage.ready");
  return opened;
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
