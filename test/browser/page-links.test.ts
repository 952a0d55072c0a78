import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch } from "./chromium.ts";
import { ADDRESS, openPage, settled, setValue, stateOf, WITHOUT_PAGE } from "./page-support.ts";

describe.skipIf(ADDRESS === "")(`links to the page and its history${WITHOUT_PAGE}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  const searchOf = (page: Page) => new URL(page.url()).search;
  /** Waits for an address, and for the state that it means. */
  async function isAt(page: Page, search: string, budget: number): Promise<void> {
    await expect.poll(() => searchOf(page)).toBe(search);
    await expect.poll(async () => (await stateOf(page)).budget).toBe(budget);
  }

  it("goes back from setting to setting, however often each was moved, and stays on the page meanwhile", async () => {
    const { page } = await openPage(browser);
    await page.evaluate("window.stays = true");
    for (const budget of [36, 40, 44]) {
      await setValue(page, "budget", budget);
      await isAt(page, `?budget=${budget}`, budget);
    }
    await page.getByTestId("positions").selectOption("compressed");
    await isAt(page, "?budget=44&positions=compressed", 44);
    await page.goBack();
    await isAt(page, "?budget=44", 44);
    expect((await stateOf(page)).positions).toBe("original");
    await page.goBack();
    await isAt(page, "", 32);
    await page.goForward();
    await isAt(page, "?budget=44", 44);
    expect(await page.evaluate("window.stays")).toBe(true);
    await page.close();
  });

  it("agrees with its address when one goes back over a jump to a step", async () => {
    const { page } = await openPage(browser, "?positions=compressed");
    await page.getByRole("navigation", { name: "steps" }).getByRole("link", { name: "step 2" }).click();
    await setValue(page, "budget", 36);
    await isAt(page, "?budget=36&positions=compressed", 36);
    expect(new URL(page.url()).hash).toBe("#step-2");
    await page.goBack();
    await isAt(page, "?positions=compressed", 32);
    expect(new URL(page.url()).hash).toBe("#step-2");
    await page.goBack();
    await expect.poll(() => new URL(page.url()).hash).toBe("");
    await isAt(page, "?positions=compressed", 32);
    await page.close();
  });

  it("loses no program that is too long for the address", async () => {
    const { page } = await openPage(browser);
    const program = `// ${"long ".repeat(1200)}\nexport default () => [0];`;
    await page.getByTestId("editor").focus();
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText(program);
    await page.getByText("does not stand in it").waitFor();
    await setValue(page, "budget", 36);
    await isAt(page, "?budget=36", 36);
    await page.goBack();
    await isAt(page, "", 32);
    expect(await page.getByTestId("editor").textContent()).toContain("export default () => [0];");
    await page.close();
  });

  it("copies a link to a step as it is, what step 1 lays over the patches included", async () => {
    const { page } = await openPage(browser);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await setValue(page, "budget", 20);
    await page.locator("#step-1 select").first().selectOption("keyNorms");
    const button = page.getByRole("button", { name: "copy link to step 4" });
    await button.click();
    await page.locator("#step-4 [role=status]", { hasText: "copied" }).waitFor();
    const link: string = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toBe(`${ADDRESS}?budget=20&overlay=keyNorms#step-4`);
    const again = await openPage(browser, link.slice(ADDRESS.length));
    expect(await again.page.locator("#step-1 select").first().inputValue()).toBe("keyNorms");
    expect(await settled(again.page)).toEqual(await settled(page));
    await Promise.all([page.close(), again.page.close()]);
  });

  it("opens every setting that it writes", async () => {
    const fields = {
      ...{ seed: "66", shapes: "cross.purple.3600.6500.2100_star.green.1500.2000.1800" },
      ...{ question: "Is there a green star?", budget: "20", a: "fastv", b: "divprune", positions: "rpme" },
      ...{ variant: "paper", tau: "0.3", quantile: "0.6", region: "3", worst: "yes", anchor: "40", layer: "6" },
      ...{ scale: "own", overlay: "likeness", program: "export default () => [0];" },
    };
    // Those that the guide tells of.
    const [, guide] = readFileSync("docs/playing.md", "utf8").split(/^## (?:A link to a situation|For programs.*)$/m);
    const told = [...guide.matchAll(/^\| ((?:`[a-z]+`(?:, )?)+) +\|/gm)].flatMap(([, names]) => names.match(/[a-z]+/g));
    expect(told.toSorted()).toEqual(Object.keys(fields).toSorted());
    const search = new URLSearchParams(fields).toString();
    const { page } = await openPage(browser, `?${search}`);
    expect(await settled(page)).toMatchObject({ seed: 66, budget: 20, method: "fastv", positions: "rpme" });
    expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual(fields);
    expect(await page.getByTestId("passed-over").count()).toBe(0);
    expect(await page.getByTestId("question").inputValue()).toBe(fields.question);
    expect(await page.getByTestId("budget-value").textContent()).toContain("20");
    expect(await page.getByTestId("method-b").inputValue()).toBe("divprune");
    expect(await page.getByTestId("layer").inputValue()).toBe("6");
    expect(await page.getByTestId("editor").textContent()).toContain(fields.program);
    expect(await page.getByRole("button", { name: "back to the scene's salience" }).count()).toBe(1);
    const values = await page
      .locator("main select, main input[type=range]")
      .evaluateAll((controls) => controls.map((control) => (control as HTMLInputElement).value));
    expect(values).toEqual(expect.arrayContaining(["likeness", "3", "paper", "0.3", "0.6", "own"]));
    // Both shapes can be moved, and no others.
    expect(await page.locator("#step-1 [role=button][aria-label*='arrow keys']").count()).toBe(2);
    await page.close();
  });

  it("shows the link where the browser refuses its clipboard", async () => {
    const { page } = await openPage(browser, "?budget=20");
    await page.evaluate(() => {
      navigator.clipboard.writeText = () => Promise.reject(new Error("refused"));
    });
    await page.getByRole("button", { name: "copy link to this situation" }).click();
    const field = page.getByRole("textbox", { name: "link" });
    await expect.poll(() => field.inputValue()).toBe(`${ADDRESS}?budget=20`);
    expect(await field.evaluate((input) => (input as HTMLInputElement).selectionEnd)).toBe(
      `${ADDRESS}?budget=20`.length,
    );
    await page.close();
  });

  it("starts again, which Back takes back", async () => {
    const { page } = await openPage(browser, "?seed=66&budget=20&positions=rpme&overlay=attention&layer=6");
    await page.getByTestId("start-again").click();
    await isAt(page, "", 32);
    expect(await stateOf(page)).toMatchObject({ seed: 129, positions: "original" });
    await page.goBack();
    await isAt(page, "?seed=66&budget=20&positions=rpme&layer=6&overlay=attention", 20);
    await page.close();
  });
});
