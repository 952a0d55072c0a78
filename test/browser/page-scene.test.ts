import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch } from "./chromium.ts";
import { ADDRESS, openPage, settled, setValue, WITHOUT_PAGE } from "./page-support.ts";

/** A small cross on the left of a large square that lies above it, and a star. */
const SHAPES = "cross.purple.1000.4000.1400_square.black.4000.3000.4000_star.green.1000.1000.1400";

/** What takes hold of a shape. */
const handleOf = (page: Page, name: string) =>
  page.locator("#step-1 .handle").and(page.locator(`[aria-label*="${name}"]`));

describe.skipIf(ADDRESS === "")(`the scene of the page${WITHOUT_PAGE}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  const shapesOf = (page: Page) => new URL(page.url()).searchParams.get("shapes") ?? "";

  it.each([
    [390, 844],
    [360, 740],
  ])("is seen on the first screen of a phone of %i × %i, with lines between its patches", async (width, height) => {
    const page = await browser.newPage({ viewport: { width, height } });
    await page.goto(ADDRESS);
    await page.evaluate("nuwaPage.ready");
    const box = (await page.locator(".figure svg").first().boundingBox()) as { y: number };
    // The rows of the picture above that, not its edge alone.
    expect(box.y).toBeLessThan(height - 130);
    expect(await page.locator(".figure svg").first().locator("path[d*='M40 0V480']").count()).toBe(2);
    await page.close();
  });

  it("has its changes undone one by one", async () => {
    const { page } = await openPage(browser, `?shapes=${SHAPES}`);
    await settled(page);
    const undo = page.getByRole("button", { name: "undo", exact: true });
    expect(await undo.isEnabled()).toBe(false);
    const star = handleOf(page, "green star");
    await star.focus();
    for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowRight");
    await expect.poll(() => shapesOf(page)).toContain("star.green.1500");
    await page.locator("#step-1").getByLabel("colour").selectOption("red");
    await expect.poll(() => shapesOf(page)).toContain("star.red.1500");
    await undo.click();
    await expect.poll(() => shapesOf(page)).toContain("star.green.1500");
    await undo.click();
    await expect.poll(() => shapesOf(page)).toBe(SHAPES);
    expect(await undo.isEnabled()).toBe(false);
    await page.close();
  });

  it("may hold one shape alone, by its link or because the others were taken away", async () => {
    const { page, complaints } = await openPage(browser, "?shapes=cross.purple.3600.6500.2100");
    const linked = await settled(page);
    expect(linked.box).toHaveLength(4);
    expect(await page.locator("section.step").count()).toBe(7);
    await setValue(page, "scene-seed", 7);
    const handles = page.locator("#step-1 [role=button][aria-label*='arrow keys']");
    await expect.poll(() => handles.count()).toBeGreaterThan(1);
    for (let left = await handles.count(); left > 1; left--) {
      await handles.first().focus();
      await page.keyboard.press("Delete");
      await expect.poll(() => handles.count()).toBe(left - 1);
    }
    expect((await settled(page)).answer).not.toBe("");
    // Questions are offered about what is left.
    const name = (await handles.first().getAttribute("aria-label")) ?? "";
    const kind = /circle|square|triangle|cross|star/.exec(name)?.[0] as string;
    expect((await page.locator(".chips button").allTextContents()).join(" ")).toContain(kind);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("hides no shape behind another by keyboard, and says so", async () => {
    const { page } = await openPage(browser, `?shapes=${SHAPES}`);
    await settled(page);
    const cross = handleOf(page, "purple cross");
    await cross.focus();
    for (let i = 0; i < 40; i++) await page.keyboard.press("ArrowRight");
    await page.getByText("The purple cross would be hidden behind the black square").waitFor();
    const left = async () => Number(/cross\.purple\.(\d+)/.exec(shapesOf(page))?.[1]);
    await expect.poll(left).toBeGreaterThan(2600);
    expect(await left()).toBeLessThan(4000);
    for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowLeft");
    expect(await page.getByText("would be hidden").count()).toBe(0);
    await page.close();
  });

  it("has a shape that is dragged over another in front of it", async () => {
    const { page } = await openPage(browser, `?shapes=${SHAPES}`);
    await settled(page);
    const cross = handleOf(page, "purple cross");
    await cross.evaluate((element) => element.scrollIntoView({ block: "center" }));
    const box = (await cross.boundingBox()) as { x: number; y: number; width: number; height: number };
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const patch = ((await page.locator("#step-1 .figure svg").boundingBox())?.width ?? 0) / 12;
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 6 * patch, y, { steps: 12 });
    await page.mouse.up();
    await expect.poll(() => shapesOf(page)).toMatch(/^square\.black.*_cross\.purple\.(5|6)\d{3}\.4000\.1400$/);
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toContain("purple cross");
    await page.getByRole("button", { name: "undo", exact: true }).click();
    await expect.poll(() => shapesOf(page)).toBe(SHAPES);
    await page.close();
  });

  it("lets a finger scroll the page over a shape, and drag the shape once it was tapped", async () => {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const page = await context.newPage();
    await page.goto(`${ADDRESS}?shapes=${SHAPES}`);
    await page.evaluate("nuwaPage.ready");
    await settled(page);
    const square = handleOf(page, "black square");
    await square.evaluate((element) => element.scrollIntoView({ block: "center" }));
    const devtools = await context.newCDPSession(page);
    const swipe = async () => {
      const box = (await square.boundingBox()) as { x: number; y: number; width: number; height: number };
      const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      const before = await page.evaluate(() => scrollY);
      const touch = (type: "touchStart" | "touchMove" | "touchEnd", y?: number) =>
        devtools.send("Input.dispatchTouchEvent", { type, touchPoints: y === undefined ? [] : [{ x: at.x, y }] });
      await touch("touchStart", at.y);
      for (let i = 1; i <= 10; i++) await touch("touchMove", at.y - 8 * i);
      await touch("touchEnd");
      await page.waitForTimeout(500);
      return (await page.evaluate(() => scrollY)) - before;
    };
    expect(await swipe()).toBeGreaterThan(20);
    expect(shapesOf(page)).toBe(SHAPES);
    await square.evaluate((element) => element.scrollIntoView({ block: "center" }));
    await square.tap();
    await expect.poll(() => square.getAttribute("aria-pressed")).toBe("true");
    expect(await swipe()).toBe(0);
    await expect.poll(() => shapesOf(page)).not.toBe(SHAPES);
    await context.close();
  });

  it("has the same number for a patch in all steps", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    await page.locator("#step-1 [role=grid]").focus();
    for (const key of ["Home", "PageDown", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
    const said = "patch 134 (row 12, column 3)";
    expect(await page.locator("#step-1 figcaption").textContent()).toContain(said);
    expect(await page.locator("#step-4 figcaption").first().textContent()).toContain(said);
    for (const step of [2, 3, 4, 5])
      expect(await page.locator(`#step-${step} [role=gridcell][aria-label^="${said}"]`).count()).toBeGreaterThan(0);
    await page.close();
  });

  it.each([
    ["", "n = 2: 36 regions have 72 candidates together, and the best 56 of them stay."],
    ["?budget=16", "so 8 are always empty"],
    ["?budget=41", "No region can be empty"],
    ["?budget=40", "A region is empty where all its candidates are among the 2"],
  ])("is cut into regions of which step 2 says why they stay empty: %s", async (search, said) => {
    const { page } = await openPage(browser, search);
    await settled(page);
    expect(await page.locator("#step-2").textContent()).toContain(said);
    await page.close();
  });

  it("shows a contrast in which every region of Nüwa's holds an anchor, whatever the scene", async () => {
    const { page } = await openPage(browser, "?seed=7");
    await settled(page);
    await page.getByRole("button", { name: "show a plain contrast" }).click();
    const covered = page.locator("#step-2 .measures tbody tr").first().locator("td");
    for (const seed of [7, 15, 129]) {
      await setValue(page, "scene-seed", seed);
      await settled(page);
      expect(await covered.first().textContent()).toBe("16 of 16");
      expect(Number.parseInt((await covered.nth(1).textContent()) ?? "", 10)).toBeLessThan(16);
    }
    await page.close();
  });
});
