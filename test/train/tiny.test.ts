import { expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { RECIPES, type Recipe } from "../../src/train/shapes/recipe.ts";
import { disposeResult, runRecipe } from "../../src/train/shapes/session.ts";
import { COLOURS, SHAPES } from "../../src/world/attributes.ts";
import { TESTED_BACKENDS } from "../support.ts";
import { inFolder, SILENT } from "./support.ts";

// Half a minute of one core; on a busy machine a few. The native backend, where it is set up, is half as fast again.
const TIMEOUT = 600_000;

/** Some 60 of 100 of the recipe's steps are enough to see that it learns. */
const { tiny } = RECIPES;
const SHORTER: Recipe = {
  ...tiny,
  vision: { ...tiny.vision, steps: 90, validateEvery: 90 },
  language: { ...tiny.language, steps: 150, validateEvery: 150 },
};

it("the two-minute recipe learns to see colours, and to name colours and shapes far better than chance", {
  timeout: TIMEOUT,
}, async () => {
  await useBackend(TESTED_BACKENDS.at(-1));
  await inFolder(async (folder) => {
    const result = await runRecipe(SHORTER, {
      folder,
      resume: false,
      saveEvery: 60,
      stopped: () => false,
      observer: SILENT,
    });
    const [vision, language] = result.progress.figures.map(({ figures }) => figures);
    disposeResult(result);
    expect(vision.colour).toBeGreaterThan(0.9);
    expect(vision.shape).toBeGreaterThan(0.4);
    expect(language.colour).toBeGreaterThan(2.4 / COLOURS.length);
    expect(language.shape).toBeGreaterThan(1.5 / SHAPES.length);
  });
});
