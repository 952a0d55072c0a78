import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, expect } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { patchCount } from "../../src/core/grid.ts";
import { tensorsIn } from "../../src/core/readback.ts";
import type { Slot, TextSlot, VisualSlot } from "../../src/core/slots.ts";
import { record } from "../../src/core/taps.ts";
import { averageTokens, enteringPerLayer, leavingPerLayer, type SampleLedger } from "../../src/methods/ledger.ts";
import type { Method } from "../../src/methods/method.ts";
import { disposeModel, type Model } from "../../src/model/llava/weights.ts";
import { visualSlots } from "../../src/model/transformer/sequence.ts";
import { advance } from "../../src/pipeline/decode.ts";
import type { DecodeState, ForwardResult } from "../../src/pipeline/prefill.ts";
import { relativeError } from "../support.ts";
import { tinyModel } from "../support-tiny.ts";
import { oracleLogits, tokensOfRun } from "./decoder-oracle.ts";
import {
  everyMethod,
  expectPolicy,
  fates,
  GRIDS,
  type MethodCase,
  methodCases,
  pass,
  type RunOptions,
  seen,
} from "./every-method.ts";
import { asNoted, type HeldCut, noting } from "./held-selections.ts";
import { law } from "./law.ts";

/** Family: what every method of the registry must keep, on tiny models with grids of several shapes. */

/** Every case runs all methods. */
const FEW = { share: 0.12 };

let models: Model[] = [];
beforeAll(async () => {
  await useBackend("wasm");
  models = GRIDS.map(({ rows, columns }) => tinyModel({ vision: { image_size: [4 * rows, 4 * columns] } }));
});
afterAll(() => {
  for (const model of models) disposeModel(model);
});

/** A law about each method's pass over a case. */
function ofEveryPass(look: (result: ForwardResult, input: MethodCase, method: Method) => void) {
  return (input: MethodCase): void => {
    const model = models[input.which];
    everyMethod(input, model.config, (method) => seen(model, input, method, (result) => look(result, input, method)));
  };
}

const sequencesOf = ({ state }: { state: DecodeState }) => state.layers.map(({ sequence }) => sequence);
const textOf = (slots: readonly Slot[]) => slots.filter((slot): slot is TextSlot => slot?.kind === "text");
const cellsOf = (slots: readonly VisualSlot[]) => slots.map(({ cell }) => cell);

law(
  "Every layer sees at least one visual token of each image, at most one for each cell of the grid, and no other cells.",
  methodCases,
  ofEveryPass((result, { grid }) => {
    for (const sequence of sequencesOf(result))
      for (const visual of visualSlots(sequence)) {
        const cells = cellsOf(visual).filter((cell) => cell !== -1);
        expect(visual.length).toBeGreaterThan(0);
        expect(new Set(cells).size).toBe(cells.length);
        expect(cells.every((cell) => Number.isInteger(cell) && cell >= 0 && cell < patchCount(grid))).toBe(true);
      }
  }),
  FEW,
);
law(
  "The text goes through every layer whole and in order, and the image stands where its placeholder stood.",
  methodCases,
  ofEveryPass((result, { prompts }) => {
    for (const sequence of sequencesOf(result))
      prompts.forEach(({ before, after }, sample) => {
        const said = sequence[sample].map((slot) => (slot?.kind === "text" ? slot.id : slot?.kind));
        const [start, end] = [said.indexOf("visual"), said.lastIndexOf("visual")];
        expect(said.slice(0, start)).toEqual(before);
        expect(said.slice(start, end + 1).every((each) => each === "visual")).toBe(true);
        expect(said.slice(end + 1).filter((each) => each !== undefined)).toEqual(after);
      });
  }),
  FEW,
);
law(
  "Text counts on from 0 up to the image, and behind it from where the unpruned image, or under compressed ids what is left of it, would end.",
  methodCases,
  ofEveryPass((result, { prompts, grid, asked }, { idsAfterCut }) => {
    const sequences = sequencesOf(result);
    for (const sequence of sequences)
      prompts.forEach(({ before, after }, sample) => {
        const left = visualSlots(idsAfterCut === "anew" ? sequence : sequences[0])[sample].length;
        const next = before.length + (asked.positions === "compressed" ? left : patchCount(grid));
        const wanted = [...before.keys(), ...after.map((_, i) => next + i)];
        expect(textOf(sequence[sample]).map(({ position }) => position)).toEqual(wanted);
      });
  }),
  FEW,
);
law(
  "A visual token has the id that the policy gives its cell among those numbered with it, and without a cell that of the token before it.",
  methodCases,
  ofEveryPass((result, { prompts, grid, asked }, { idsAfterCut }) => {
    const sequences = sequencesOf(result);
    for (const sequence of sequences)
      prompts.forEach(({ before }, sample) => {
        const [visual, first] = [visualSlots(sequence)[sample], visualSlots(sequences[0])[sample]];
        if (idsAfterCut === "kept") {
          const entered = new Map(first.map(({ row, position }) => [row, position]));
          for (const { row, position } of visual) expect(position).toBe(entered.get(row));
        }
        expectPolicy(asked.positions, idsAfterCut === "anew" ? visual : first, before.length, patchCount(grid));
      });
  }),
  FEW,
);
law(
  "The ledger tells what passed: the tokens that enter each layer are those in its cache, and both averages are means of these counts.",
  methodCases,
  ofEveryPass((result, { prompts }) => {
    const { layers } = result.state;
    prompts.forEach(({ before, after }, sample) => {
      const ledger = result.ledgers[sample] as SampleLedger;
      const text = before.length + after.length;
      const cached = layers.map(({ cache, sequence }) => {
        const padding = sequence[sample].filter((slot) => slot === null).length;
        return cache.keys.shape[2] - padding - text;
      });
      expect(ledger.textTokens).toBe(text);
      expect(enteringPerLayer(ledger)).toEqual(cached);
      const leaving = [...cached.slice(1), cached[cached.length - 1]];
      const mean = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0) / layers.length;
      expect(averageTokens(enteringPerLayer(ledger))).toBeCloseTo(mean(cached), 9);
      expect(averageTokens(leavingPerLayer(ledger))).toBeCloseTo(mean(leaving), 9);
    });
  }),
  FEW,
);
law(
  "A dump has the cells that entered the decoder and those behind its last layer, as the ledger has them, and the tokens that entered.",
  methodCases,
  (input) => {
    const model = models[input.which];
    everyMethod(input, model.config, (method) => {
      const recorder = record(["final.indices", "stage1.indices", "stage1.tokens"]);
      const options: RunOptions = { samples: [0], tap: recorder.tap };
      const [ledger] = seen(model, input, method, ({ ledgers }) => ledgers, options) as [SampleLedger];
      const entered = ledger.tokens.filter(({ firstLayer }) => firstLayer === 0);
      const survivors = ledger.tokens.filter(({ layers }) => layers === ledger.layers);
      expect([...recorder.get("stage1.indices").dataSync()]).toEqual(entered.map(({ cell }) => cell));
      expect([...recorder.get("final.indices").dataSync()]).toEqual(survivors.map(({ cell }) => cell));
      expect(recorder.get("stage1.tokens").shape).toEqual([1, entered.length, model.config.vision.hiddenSize]);
      recorder.dispose();
    });
  },
  FEW,
);
law(
  "With every method, each sample of a batch of two keeps what it keeps alone, and says what it says alone.",
  methodCases,
  ofEveryPass((together, input, method) => {
    const model = models[input.which];
    const words = model.config.text.vocabSize;
    for (const sample of [0, 1]) {
      const own = together.logits.dataSync().slice(sample * words, (sample + 1) * words);
      seen(
        model,
        input,
        method,
        (alone) => {
          expect(fates(together, sample)).toEqual(fates(alone, 0));
          expect(relativeError(own, alone.logits.dataSync())).toBeLessThan(1e-5);
        },
        { samples: [sample] },
      );
    }
  }),
  FEW,
);
law(
  "The same inputs and seed give the same ledger and, to the bit, the same logits, and nothing but the result is left behind.",
  methodCases,
  (input) => {
    const model = models[input.which];
    everyMethod(input, model.config, (method) => {
      const before = tf.memory().numTensors;
      const runs = [0, 1].map(() => pass(model, input, method));
      // Logits, final hidden states, and keys and values of each layer.
      const each = 2 + 2 * model.config.text.numHiddenLayers;
      expect(tf.memory().numTensors - before).toBe(2 * each);
      const [first, second] = runs.map((run) => [[...run.logits.dataSync()], fates(run, 0), fates(run, 1)]);
      tf.dispose(tensorsIn(runs));
      expect(tf.memory().numTensors).toBe(before);
      expect(first).toEqual(second);
    });
  },
  FEW,
);
law(
  "With every method, decoding from caches is recomputing the longer prompt, its selections held fixed.",
  methodCases,
  (input) => {
    const model = models[input.which];
    everyMethod(input, model.config, (method) => {
      const notes: HeldCut[] = [];
      const start = pass(model, input, noting(method, notes));
      const turn = advance(model, start.state, [input.more, input.more]);
      const whole = pass(model, input, asNoted(method, notes), { more: input.more });
      const error = relativeError(turn.logits.dataSync(), whole.logits.dataSync());
      tf.dispose(tensorsIn([start, turn, whole]));
      expect(error).toBeLessThan(1e-5);
    });
  },
  FEW,
);
law(
  "Where no token is made inside the decoder, a prompt and what follows have the logits of the oracle, which only hides.",
  methodCases,
  (input) => {
    const model = models[input.which];
    everyMethod(input, model.config, (method) => {
      const recorder = record(["projector.output"]);
      const start = pass(model, input, method, { tap: recorder.tap });
      const turn = advance(model, start.state, [input.more, input.more]);
      const tokens = recorder.get("projector.output").arraySync() as number[][][];
      const said = [start, turn].map(({ logits }) => logits.arraySync());
      const layers = [start, turn].map(sequencesOf);
      const ledgers = start.ledgers as SampleLedger[];
      recorder.dispose();
      tf.dispose(tensorsIn([start, turn]));
      ledgers.forEach((ledger, sample) => {
        if (ledger.tokens.some(({ firstLayer }) => firstLayer > 0)) return;
        layers.forEach((sequences, when) => {
          const wanted = oracleLogits(model, tokensOfRun(sequences, sample, tokens[sample]));
          expect(relativeError(said[when][sample], wanted)).toBeLessThan(1e-4);
        });
      });
    });
  },
  FEW,
);
