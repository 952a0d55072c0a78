import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  answer,
  chain,
  disposeModel,
  type LoadedVlm,
  loadVlm,
  matchTaps,
  preprocess,
  record,
  replace,
  shapesWeights,
  tapNames,
  useBackend,
} from "../../src/node.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const document = readFileSync(new URL("../../docs/taps.md", import.meta.url), "utf8");
const examples = [...document.matchAll(/^## (.*)\n\n```ts\n([\s\S]*?)```/gm)].map(([, name, code]) => ({ name, code }));
let given: Record<string, unknown>;

beforeAll(async () => {
  await useBackend("wasm");
  const vlm = loadVlm(shapesWeights());
  const image = await preprocess(`${PROJECT}docs/images/scene.png`, vlm.preprocessing);
  const otherImage = await preprocess(`${PROJECT}docs/images/coffee.png`, vlm.preprocessing);
  given = { tf, vlm, image, otherImage, question: "Where is the ring?" };
});
afterAll(() => disposeModel((given.vlm as LoadedVlm).model));

it("docs/taps.md has an example of each thing that a tap does", () => {
  expect(examples.map(({ name }) => name)).toEqual([
    "Record",
    "Record every grid",
    "Replace",
    "Patch from another run",
    "Ablate a head",
    "Change one image",
  ]);
});

it.each(examples)("docs/taps.md: $name", async ({ code }) => {
  const scope = { ...given, answer, chain, matchTaps, record, replace, tapNames };
  const run = new Function(...Object.keys(scope), `return (async () => {${code}})();`);
  await expect(run(...Object.values(scope))).resolves.toBeUndefined();
});
