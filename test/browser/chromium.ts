import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

/** Chromium or Chrome on this machine; undefined where there is none. On Debian: apt-get install chromium. */
export const BROWSER: string | undefined = (process.env.PATH ?? "")
  .split(delimiter)
  .flatMap((folder) => ["chromium", "chromium-browser", "google-chrome"].map((name) => join(folder, name)))
  // A name on the PATH may be a stub that asks to install it.
  .find((path) => existsSync(path) && spawnSync(path, ["--version"]).status === 0);

/** Why tests with a browser are skipped, for their names; empty where there is one. */
export const WITHOUT_BROWSER = BROWSER === undefined ? " (skipped: no chromium on the PATH)" : "";

/** A browser without a window, as it starts in containers, too. It opens files of this project alone. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: BROWSER, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** What a page asked for and complained of while it was open. */
export interface PageRecord {
  readonly page: Page;
  readonly requests: string[];
  readonly complaints: string[];
}

/**
 * Texts of drawings that lie over each other or reach out of their drawing, as the browser lays them out.
 *
 * @returns a line for each; none where all can be read
 */
export function hiddenTexts(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    for (const drawing of document.querySelectorAll("figure > svg")) {
      const frame = drawing.getBoundingClientRect();
      const texts = [...drawing.querySelectorAll("text, tspan")]
        .filter((text) => text.children.length === 0 && text.textContent?.trim())
        .map((text) => ({ said: text.textContent as string, box: text.getBoundingClientRect() }));
      texts.forEach(({ said, box }, i) => {
        const outside = box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1;
        if (outside) found.push(`“${said}” reaches out of its drawing`);
        for (const other of texts.slice(i + 1)) {
          const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
          const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
          // The box of a text is higher than its letters.
          if (across > 1 && down > 0.3 * Math.min(box.height, other.box.height))
            found.push(`“${said}” lies over “${other.said}”`);
        }
      });
    }
    return found;
  });
}

/** A page of a width that notes what it asks for. */
export async function recordedPage(browser: Browser, width: number): Promise<PageRecord> {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const [requests, complaints]: string[][] = [[], []];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  return { page, requests, complaints };
}
