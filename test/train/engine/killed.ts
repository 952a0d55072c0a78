/** Run by kill.test.ts as a process of its own: trains MICRO into the folder given, saving after every step. */
import { useBackend } from "../../../src/backend/select.ts";
import { hasCheckpoint } from "../../../src/train/engine/training-state.ts";
import { runRecipe } from "../../../src/train/shapes/session.ts";
import { MICRO } from "../support.ts";

const [folder] = process.argv.slice(2);
await useBackend("wasm");
await runRecipe(MICRO, {
  folder,
  resume: hasCheckpoint(folder),
  saveEvery: 0,
  stopped: () => false,
  observer: {
    step: ({ stage, step }) => process.stdout.write(`step ${stage} ${step}\n`),
    figures: () => undefined,
    saved: () => undefined,
  },
});
