/**
 * Builds the page, opens it in Chromium at three widths, and takes the pictures of it that the documents show,
 * `docs/images/page-*.png`.
 *
 * usage: npm run page:screenshots
 */
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { writeAtomically } from "../../src/io/files.ts";
import { BROWSER, launch } from "../../test/browser/chromium.ts";
import { buildPage, PAGE_FOLDER } from "./build.ts";
import { serveFolder } from "./serve.ts";

const IMAGES = fileURLToPath(new URL("../../docs/images/", import.meta.url));

/** What is photographed: a step of the page, in a window of a size. */
const VIEWS = [
  { width: 360, height: 800, from: "#step-4 .shown" },
  { width: 1024, height: 768, from: "#step-2" },
  { width: 2560, height: 1440, from: "#step-6" },
] as const;

async function photograph(browser: Browser, address: string, { width, height, from }: (typeof VIEWS)[number]) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: "light" });
  await page.goto(address);
  await page.evaluate("nuwaPage.ready");
  // An answer begins when the reader's hand has rested for a quarter of a second.
  for (let quiet = 0; quiet < 4; ) {
    await page.waitForTimeout(100);
    quiet = (await page.evaluate("nuwaPage.state().busy")) ? 0 : quiet + 1;
  }
  await page.locator(from).evaluate(async (element) => {
    // Steps above take their heights when they come near the screen.
    for (let frame = 0; frame < 6; frame++) {
      element.scrollIntoView({ block: "start" });
      await new Promise(requestAnimationFrame);
    }
  });
  // Few colours are enough, and a fourth of the bytes.
  const png = await sharp(await page.screenshot())
    .png({ palette: true, compressionLevel: 9 })
    .toBuffer();
  writeAtomically(`${IMAGES}page-${width}.png`, png);
  await page.close();
}

try {
  if (BROWSER === undefined) throw new Error("there is no chromium on the PATH. On Debian: apt-get install chromium");
  buildPage();
  const { address, close } = await serveFolder(PAGE_FOLDER);
  const browser = await launch();
  try {
    for (const view of VIEWS) await photograph(browser, address, view);
  } finally {
    await browser.close();
    close();
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
