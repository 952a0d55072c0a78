import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mark } from "../../src/eval/tasks/marking.ts";
import { type Truth, truthOf } from "../../src/world/reading.ts";
import { sceneOf } from "../../src/world/scene.ts";
import { launch, type PageRecord } from "./chromium.ts";
import { ADDRESS, openPage, settled, setValue, stateOf, WITHOUT_PAGE } from "./page-support.ts";

describe.skipIf(ADDRESS === "")(`the steps of the page${WITHOUT_PAGE}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it("are seven, each with a figure, an equation, and sources that are there", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    const steps = page.locator("section.step");
    expect(await steps.count()).toBe(7);
    for (let i = 0; i < 7; i++) {
      const step = steps.nth(i);
      expect(await step.locator("math").count(), `equation of step ${i + 1}`).toBeGreaterThan(0);
      expect(await step.locator("svg, [data-testid=editor]").count(), `figure of step ${i + 1}`).toBeGreaterThan(0);
      for (const link of await step.locator(".sources a").all()) {
        const [path, said] = [await link.getAttribute("href"), await link.textContent()];
        const response = await fetch(new URL(path as string, ADDRESS));
        expect(response.status, `step ${i + 1}: ${said}`).toBe(200);
        expect(await response.text()).toContain("export");
      }
    }
    await page.close();
  });

  it("follow a shape that is moved by keyboard, and by the mouse, and come back to the seed's scene", async () => {
    const { page } = await openPage(browser);
    const before = await settled(page);
    const handle = page.locator("#step-1 [role=button][aria-label*='arrow keys']").first();
    await handle.focus();
    for (let i = 0; i < 8; i++) await page.keyboard.press("Shift+ArrowRight");
    const shapes = () => new URL(page.url()).searchParams.get("shapes");
    const moved = await settled(page);
    const byKeys = shapes();
    expect(byKeys).not.toBeNull();
    expect(moved.logits).not.toEqual(before.logits);
    await handle.scrollIntoViewIfNeeded();
    const box = (await handle.boundingBox()) as { x: number; y: number; width: number; height: number };
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 - 60, box.y + box.height / 2, { steps: 5 });
    await page.mouse.up();
    await expect.poll(shapes).not.toBe(byKeys);
    await page.getByRole("button", { name: "another scene" }).click();
    expect((await settled(page)).seed).toBe(before.seed + 1);
    expect(shapes()).toBeNull();
    await page.close();
  });

  it("say how many patches are kept and where the box goes with the position ids", async () => {
    const { page } = await openPage(browser, "?seed=119&question=Where+is+the+black+star%3F");
    const original = await settled(page);
    expect(Number(await page.getByTestId("kept-count-a").textContent())).toBe(original.kept.length);
    expect(await page.getByTestId("answer-a").textContent()).toBe(original.answer);
    await page.getByTestId("positions").selectOption("compressed");
    const compressed = await settled(page);
    expect(compressed.kept).toEqual(original.kept);
    expect(compressed.ids).not.toEqual(original.ids);
    expect(compressed.box).not.toEqual(original.box);
    expect(await page.getByTestId("ids-ruler").locator("svg").count()).toBeGreaterThan(0);
    await page.close();
  });

  it("answer a question that is typed, and mark words that the model does not know", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    await page.getByTestId("question").fill("Where is the giraffe?");
    await page.locator("mark", { hasText: "giraffe" }).waitFor();
    expect(await page.locator("mark").allTextContents()).toEqual(["giraffe"]);
    await page.getByTestId("question").fill("How many squares are there?");
    await page.getByTestId("ask").click();
    expect((await settled(page)).answer).toMatch(/^\d+$/);
    expect(await page.locator("mark").count()).toBe(0);
    await page.close();
  });

  it("compare two methods, and ask about many scenes until they are stopped", async () => {
    const { page } = await openPage(browser);
    const before = await settled(page);
    const figures = () => page.getByTestId("answer-b").textContent();
    const visionzip = await figures();
    await page.getByTestId("method-b").selectOption("none");
    await expect.poll(figures, { timeout: 60_000 }).not.toBe(visionzip);
    expect((await settled(page)).answer).toBe(before.answer);
    const sweep = page.getByRole("region", { name: "many scenes" });
    await sweep.getByRole("button").first().click();
    const done = async () => Number(/(\d+) of/.exec((await sweep.textContent()) ?? "")?.[1]);
    await expect.poll(done, { timeout: 120_000 }).toBeGreaterThan(1);
    await sweep.getByRole("button", { name: "stop" }).click();
    await sweep.getByRole("button", { name: "go on" }).waitFor();
    await settled(page);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByTestId("copy-numbers").click();
    await sweep.getByText("copied", { exact: true }).waitFor();
    const copied: string = await page.evaluate(() => navigator.clipboard.readText());
    const [head, ...answers] = copied.trimEnd().split("\n");
    expect(head).toBe("seed\tquestion\tmethod\tbudget\ttokens\toperations\tanswer\tiou");
    // Unpruned, and both methods at four budgets.
    expect(answers).toHaveLength(9 * (await done()));
    for (const row of answers) {
      const [seed, text, , , , , answer, iou] = row.split("\t");
      const truth = truthOf(sceneOf("test", Number(seed)), text) as Truth;
      expect(Number(iou), row).toBeCloseTo(mark(truth, answer).iou ?? 0, 4);
    }
    expect(answers[0]).toMatch(/^1000\t[^\t]+\tunpruned\t\t144\.00\t1\.0000\t[^\t]+\t\d\.\d{4}$/);
    const stopped = await done();
    await page.waitForTimeout(1500);
    expect(await done()).toBe(stopped);
    expect(stopped).toBeLessThan(20);
    await page.close();
  });

  it("show the layers, each with its own tokens", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    const step = page.locator("#step-5");
    await setValue(page, "layer", 0);
    const first = await step.innerHTML();
    await setValue(page, "layer", 7);
    await expect.poll(() => step.innerHTML()).not.toBe(first);
    await expect.poll(() => new URL(page.url()).searchParams.get("layer")).toBe("7");
    await page.close();
  });

  it("run a reader's pruner and try the laws on it", async () => {
    const { page, requests } = await openPage(browser);
    await settled(page);
    const loaded = requests.length;
    await page.getByTestId("run-editor").click();
    const report = page.getByTestId("law-report");
    await expect.poll(() => report.getAttribute("aria-busy"), { timeout: 240_000, interval: 500 }).toBe("false");
    const words = await report.locator("li b").allTextContents();
    expect(words).toContain("keeps");
    // Top-k leaves regions uncovered, and the case that shows it is drawn.
    expect(words).toContain("breaks");
    expect(await report.locator("li.breaks details").count()).toBeGreaterThan(0);
    expect(await report.locator("li.breaks .case svg").count()).toBeGreaterThan(0);
    const result = page.locator("#step-7 .own-result");
    expect(await result.locator(".own-figure figure svg").count()).toBe(1);
    expect(await result.locator(".own-verdict").textContent()).toMatch(/Your pruner: (right|wrong), IoU 0\.\d\d\./);
    const rows = await result.locator("table tr").allTextContents();
    expect(rows).toContainEqual(expect.stringMatching(/^patches kept before the decoder32 of 144/));
    expect(rows).toContainEqual(expect.stringMatching(/^regions of 2 × 2 with a kept patch\d+ of 36/));
    // Laws know nothing of scenes; a result of another program is none of this one.
    await page.getByRole("button", { name: "another scene" }).click();
    expect(await report.locator("li b").allTextContents()).toEqual(words);
    await result.getByText("Run it again").waitFor();
    await page.getByRole("button", { name: "grid", exact: true }).click();
    await page.getByText("The program has changed since it was run").waitFor();
    expect(await report.locator("li").count()).toBe(0);
    await page.getByRole("button", { name: "top-k", exact: true }).click();
    await result.waitFor();
    expect(await report.locator("li b").allTextContents()).toEqual(words);
    expect(requests.slice(loaded).filter((url) => !/^(blob|data):/.test(url))).toEqual([]);
    await page.close();
  });

  it("show both selections where a law compares two", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    await write(
      page,
      `export default ({ attention, keep }) =>
  attention.map((_, patch) => patch).sort((a, b) => attention[a] - attention[b]).slice(0, keep);`,
    );
    await page.getByTestId("run-editor").click();
    const law = page.locator("#step-7 li.breaks", { hasText: "A kept patch whose score rises stays kept." });
    await law.waitFor({ state: "attached", timeout: 240_000 });
    const captions = await law.locator(".case figcaption p").allTextContents();
    expect(captions).toEqual([
      expect.stringMatching(/^The scores as they were\. .*Asked to keep (\d+) of .* patches, it kept \1: /),
      expect.stringMatching(/^One score raised\. .*Asked to keep (\d+) of .* patches, it kept \1: /),
    ]);
    const cells = captions.map((caption) => /kept \d+: ([\d, ]+) \(/.exec(caption)?.[1].split(", "));
    const raised = /^patch (\d+), raised/.exec((await law.locator("details > p").last().textContent()) ?? "")?.[1];
    expect(cells[0]).toContain(raised);
    expect(cells[1]).not.toContain(raised);
    await page.close();
  });

  it("say that a law is not decided where the program did not return", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    await write(
      page,
      `export default ({ grid, keep }) => {
  while (grid.rows * grid.columns < 144);
  return Array.from({ length: keep }, (_, patch) => patch);
};`,
    );
    await page.getByTestId("run-editor").click();
    const first = page.getByTestId("law-report").locator("li.not-decided").first();
    await first.waitFor({ state: "attached", timeout: 120_000 });
    expect(await first.textContent()).toMatch(/not decided.*did not return within 2 s/);
    await page.getByRole("button", { name: "stop" }).last().click();
    expect(await page.getByTestId("law-report").locator("li.keeps, li.breaks").count()).toBe(0);
    await page.close();
  });

  it("run the last of many runs in a row", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    for (let i = 0; i < 10; i++) await page.getByTestId("run-editor").click();
    await page.locator("#step-7 .own-result").waitFor({ timeout: 60_000 });
    expect((await page.locator("#step-7 .problem").allTextContents()).join("")).toBe("");
    await page.close();
  });

  it("show what a program printed, and go back to the program that was run before", async () => {
    const { page } = await openPage(browser);
    await settled(page);
    const printed = page.getByTestId("printed");
    for (const word of ["first", "second"]) {
      await write(
        page,
        `export default ({ keep }) => { console.log("${word}", keep); throw new Error("${word} end"); };`,
      );
      await page.getByTestId("run-editor").click();
      await page.locator("#step-7 .problem", { hasText: `line 1: ${word} end` }).waitFor({ timeout: 60_000 });
      expect(await printed.textContent()).toBe(`${word} 32`);
    }
    await page.goBack();
    await expect.poll(() => page.getByTestId("editor").textContent()).toContain("first end");
    expect(await printed.count()).toBe(0);
    await page.close();
  });

  describe("with a pruner that fails", () => {
    let opened: PageRecord;
    beforeAll(async () => {
      opened = await openPage(browser);
    });
    afterAll(() => opened?.page.close());

    it.each([
      ["is no program", "export default function prune( {", /line 1/],
      ["throws", 'export default () => { throw new Error("on purpose"); };', /on purpose/],
      ["loops forever", "export default () => { for (;;); };", /did not return within/],
      [
        "takes all memory",
        "export default () => { const all = []; for (;;) all.push(new Array(1e6).fill(1)); };",
        // The filling of an array is not interrupted: its time, or that of the worker, may be over first.
        /more than 32 MiB|did not return within|took longer than 10 s/,
      ],
      ["returns no patches", 'export default () => ["a", -3, 1e9];', /none of the patches 0 to 143/],
      ["returns a patch twice", "export default () => [7, 5, 7];", /patch 7 twice, at places 0 and 2/],
      [
        "tells what it is shown of likeness",
        `export default ({ likeness }) => {
  throw new Error([likeness.length, likeness[5].length, likeness[5][5].toFixed(3)].join(" "));
};`,
        /144 144 1\.000/,
      ],
      ["asks the network", 'export default async () => { await fetch("/"); return [0]; };', /write it without async/],
    ])("say it beside the editor where it %s, and the rest goes on", async (_, program, line) => {
      const { page, requests } = opened;
      const before = await settled(page);
      const loaded = requests.length;
      await write(page, program);
      await page.getByTestId("run-editor").click();
      await page.locator("#step-7 .problem", { hasText: line }).first().waitFor({ timeout: 60_000 });
      await setValue(page, "budget", before.budget === 32 ? 40 : 32);
      expect((await settled(page)).kept).not.toEqual(before.kept);
      expect((await stateOf(page)).answer).not.toBe("");
      expect(requests.slice(loaded).filter((url) => !/^(blob|data):/.test(url))).toEqual([]);
    });
  });
});

/** Replaces what stands in the editor, by keyboard. */
async function write(page: Page, program: string): Promise<void> {
  await page.getByTestId("editor").focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(program);
}
