import { afterAll, beforeAll, expect } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { type MethodCase, methodCases, passModels, seen } from "../../src/laws/passes.ts";
import { factoryOf } from "../../src/laws/selecting.ts";
import * as laws from "../../src/laws/whole-pass.ts";
import type { Method } from "../../src/methods/method.ts";
import { createMethod, METHODS } from "../../src/methods/registry.ts";
import { law } from "./law.ts";

/** Family: what every method of the registry must keep, on tiny models with grids of several shapes. */

/** Every case runs all methods. */
const FEW = { share: 0.12 };

const models = passModels();
/** The same with the class token among the visual tokens. */
const keepingClass = passModels({ vision_feature_select_strategy: "full" });
beforeAll(async () => {
  await useBackend("wasm");
});
afterAll(() => {
  models.dispose();
  keepingClass.dispose();
});

/** Asks a law of each method of the registry, in each of its variants; what it throws names the method. */
function everyMethod(holds: laws.PassLaw) {
  return (input: MethodCase): void => {
    const model = models.of(input);
    for (const definition of METHODS)
      for (const variant of definition.variants ?? [undefined]) {
        try {
          const request = { ...input.asked, seed: input.seed, variant: variant as "official" | "paper" | undefined };
          holds(model, factoryOf(definition)(model.config, request), input);
        } catch (error) {
          throw new Error(`${definition.name}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
  };
}

law(
  "Every layer sees at least one visual token of each image, at most one for each cell of the grid, and no other cells.",
  methodCases,
  everyMethod(laws.seesEachCellOnce),
  FEW,
);
law(
  "The text goes through every layer whole and in order, and the image stands where its placeholder stood.",
  methodCases,
  everyMethod(laws.carriesTheText),
  FEW,
);
law(
  "Text counts on from 0 up to the image, and behind it from where the unpruned image, or under compressed ids what is left of it, would end.",
  methodCases,
  everyMethod(laws.countsOnThroughText),
  FEW,
);
law(
  "A visual token has the id that the policy gives its cell among those numbered with it, and without a cell that of the token before it.",
  methodCases,
  everyMethod(laws.givesIdsByPolicy),
  FEW,
);
law(
  "The ledger records what passed: the tokens that enter each layer are those in its cache, and both averages are means of these counts.",
  methodCases,
  everyMethod(laws.keepsTheLedger),
  FEW,
);
law(
  "A dump has the cells that entered the decoder and those behind its last layer, as the ledger has them, and the tokens that entered.",
  methodCases,
  everyMethod(laws.dumpsWhatPassed),
  FEW,
);
law(
  "With every method, each sample of a batch of two keeps what it keeps alone, and says what it says alone.",
  methodCases,
  everyMethod(laws.keepsSamplesApart),
  FEW,
);
law(
  "The same inputs and seed give the same ledger and, to the bit, the same logits, and nothing but the result is left behind.",
  methodCases,
  everyMethod(laws.repeatsItself),
  FEW,
);
law(
  "With every method, decoding from caches is recomputing the longer prompt, its selections held fixed, save where it prunes earlier caches.",
  methodCases,
  everyMethod(laws.decodesFromCaches),
  FEW,
);
law(
  "An average of all visual tokens is the unpruned model, to the bit, whether the class token is one of them or not.",
  methodCases,
  (input) => {
    for (const model of [models.of(input), keepingClass.of(input)]) {
      const logits = (method: Method) => seen(model, input, method, (result) => [...result.logits.dataSync()]);
      const whole = logits(createMethod("none", model.config));
      for (const { name, variants = [undefined] } of METHODS)
        for (const variant of variants) {
          const request = {
            ...input.asked,
            average: { ratio: 1 },
            variant: variant as "official" | "paper" | undefined,
          };
          expect(logits(createMethod(name, model.config, request)), name).toEqual(whole);
        }
    }
  },
  { share: FEW.share / 2 },
);
law(
  "Where no token is made inside the decoder, a prompt and what follows have the logits of the oracle, which only hides.",
  methodCases,
  everyMethod(laws.agreesWithTheOracle),
  FEW,
);
