import * as tf from "@tensorflow/tfjs";
import { patchCount } from "../core/grid.ts";
import { tensorsIn } from "../core/readback.ts";
import type { Slot, TextSlot, VisualSlot } from "../core/slots.ts";
import { record } from "../core/taps.ts";
import { averageTokens, enteringPerLayer, leavingPerLayer, type SampleLedger } from "../methods/ledger.ts";
import type { Method } from "../methods/method.ts";
import { append, visualSlots } from "../model/transformer/sequence.ts";
import type { Vlm } from "../model/vlm.ts";
import { advance } from "../pipeline/decode.ts";
import type { ForwardResult } from "../pipeline/prefill.ts";
import type { DecodeState } from "../pipeline/state.ts";
import { atLeast, atMost, equal, holds, near, relativeError } from "./assert.ts";
import { oracleLogits, tokensOfRun } from "./decoder-oracle.ts";
import { asNoted, type HeldCut, noting } from "./held-selections.ts";
import { fates, followsPolicy, type MethodCase, pass, type RunOptions, seen } from "./passes.ts";

/** A law about whole passes of a method through a model: throws when a case breaks it. */
export type PassLaw = (model: Vlm, method: Method, input: MethodCase) => void;

/** A law about one pass of a case. */
function ofPass(look: (result: ForwardResult, input: MethodCase, method: Method, model: Vlm) => void): PassLaw {
  return (model, method, input) => seen(model, input, method, (result) => look(result, input, method, model));
}

const sequencesOf = ({ state }: { state: DecodeState }) => state.layers.map(({ sequence }) => sequence);
const textOf = (slots: readonly Slot[]) => slots.filter((slot): slot is TextSlot => slot?.kind === "text");
const cellsOf = (slots: readonly VisualSlot[]) => slots.map(({ cell }) => cell);

/**
 * Every layer sees at least one visual token of each image, at most one for each cell of the grid, and no other
 * cells.
 */
export const seesEachCellOnce: PassLaw = ofPass((result, { grid }) => {
  for (const sequence of sequencesOf(result))
    for (const visual of visualSlots(sequence)) {
      const cells = cellsOf(visual).filter((cell) => cell !== -1);
      atLeast(visual.length, 1);
      equal(new Set(cells).size, cells.length);
      equal(
        cells.every((cell) => Number.isInteger(cell) && cell >= 0 && cell < patchCount(grid)),
        true,
      );
    }
});

/** The text goes through every layer whole and in order, and the image stands where its placeholder stood. */
export const carriesTheText: PassLaw = ofPass((result, { prompts }) => {
  for (const sequence of sequencesOf(result))
    prompts.forEach(({ before, after }, sample) => {
      const said = sequence[sample].map((slot) => (slot?.kind === "text" ? slot.id : slot?.kind));
      const [start, end] = [said.indexOf("visual"), said.lastIndexOf("visual")];
      equal(said.slice(0, start), before);
      equal(
        said.slice(start, end + 1).every((each) => each === "visual"),
        true,
      );
      equal(
        said.slice(end + 1).filter((each) => each !== undefined),
        after,
      );
    });
});

/**
 * Text counts on from 0 up to the image, and behind it from where the unpruned image, or under compressed ids
 * what is left of it, would end.
 */
export const countsOnThroughText: PassLaw = ofPass((result, { prompts, grid, asked }, { idsAfterCut }) => {
  const sequences = sequencesOf(result);
  for (const sequence of sequences)
    prompts.forEach(({ before, after }, sample) => {
      const left = visualSlots(idsAfterCut === "anew" ? sequence : sequences[0])[sample].length;
      const next = before.length + (asked.positions === "compressed" ? left : patchCount(grid));
      const wanted = [...before.keys(), ...after.map((_, i) => next + i)];
      equal(
        textOf(sequence[sample]).map(({ position: [id] }) => id),
        wanted,
      );
    });
});

/**
 * A visual token has the id that the policy gives its cell among those numbered with it, and without a cell
 * that of the token before it.
 */
export const givesIdsByPolicy: PassLaw = ofPass((result, { prompts, grid, asked }, { idsAfterCut }) => {
  const sequences = sequencesOf(result);
  for (const sequence of sequences)
    prompts.forEach(({ before }, sample) => {
      const [visual, first] = [visualSlots(sequence)[sample], visualSlots(sequences[0])[sample]];
      if (idsAfterCut === "kept") {
        const entered = new Map(first.map(({ row, position: [id] }) => [row, id]));
        for (const { row, position } of visual) equal(position[0], entered.get(row));
      }
      followsPolicy(asked.positions, idsAfterCut === "anew" ? visual : first, before.length, patchCount(grid));
    });
});

/**
 * The ledger records what passed: the tokens that enter each layer are those in its cache, and both averages are
 * means of these counts.
 */
export const keepsTheLedger: PassLaw = ofPass((result, { prompts }) => {
  const { layers } = result.state;
  prompts.forEach(({ before, after }, sample) => {
    const ledger = result.ledgers[sample] as SampleLedger;
    const text = before.length + after.length;
    const cached = layers.map(({ cache, sequence }) => {
      const padding = sequence[sample].filter((slot) => slot === null).length;
      return cache.keys.shape[2] - padding - text;
    });
    equal(ledger.textTokens, text);
    equal(enteringPerLayer(ledger), cached);
    const leaving = [...cached.slice(1), cached[cached.length - 1]];
    const mean = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0) / layers.length;
    atMost(Math.abs(averageTokens(enteringPerLayer(ledger)) - mean(cached)), 1e-9);
    atMost(Math.abs(averageTokens(leavingPerLayer(ledger)) - mean(leaving)), 1e-9);
  });
});

/**
 * A dump has the cells that entered the decoder and those behind its last layer, as the ledger has them, and
 * the tokens that entered.
 */
export const dumpsWhatPassed: PassLaw = (model, method, input) => {
  const recorder = record(["final.indices", "stage1.indices", "stage1.tokens"]);
  const options: RunOptions = { samples: [0], tap: recorder.tap };
  const [ledger] = seen(model, input, method, ({ ledgers }) => ledgers, options) as [SampleLedger];
  const entered = ledger.tokens.filter(({ firstLayer }) => firstLayer === 0);
  const survivors = ledger.tokens.filter(({ layers }) => layers === ledger.layers);
  equal(
    [...recorder.get("stage1.indices").dataSync()],
    entered.map(({ cell }) => cell),
  );
  equal(
    [...recorder.get("final.indices").dataSync()],
    survivors.map(({ cell }) => cell),
  );
  equal(recorder.get("stage1.tokens").shape.slice(0, 2), [1, entered.length]);
  recorder.dispose();
};

/** With every method, each sample of a batch of two keeps what it keeps alone, and says what it says alone. */
export const keepsSamplesApart: PassLaw = ofPass((together, input, method, model) => {
  const words = model.config.text.vocabSize;
  for (const sample of [0, 1]) {
    const own = together.logits.dataSync().slice(sample * words, (sample + 1) * words);
    seen(
      model,
      input,
      method,
      (alone) => {
        equal(fates(together, sample), fates(alone, 0));
        near(own, alone.logits.dataSync(), 1e-5);
      },
      { samples: [sample] },
    );
  }
});

/**
 * The same inputs and seed give the same ledger and, to the bit, the same logits, and nothing but the result is
 * left behind.
 */
export const repeatsItself: PassLaw = (model, method, input) => {
  const before = tf.memory().numTensors;
  const runs = [0, 1].map(() => pass(model, input, method));
  // Logits, final hidden states, keys and values of each layer, and weights of what cuts made.
  const made = runs.flatMap(({ cuts }) => [...cuts]).filter(({ weights }) => weights !== undefined).length;
  const each = 2 + 2 * model.config.text.numHiddenLayers;
  equal(tf.memory().numTensors - before, 2 * each + made);
  const [first, second] = runs.map((run) => [[...run.logits.dataSync()], fates(run, 0), fates(run, 1)]);
  tf.dispose(tensorsIn(runs));
  equal(tf.memory().numTensors, before);
  equal(first, second);
};

/**
 * With every method, decoding from caches is recomputing the longer prompt, its selections held fixed, save where it
 * prunes earlier caches: what is decoded then, {@link agreesWithTheOracle} says.
 */
export const decodesFromCaches: PassLaw = (model, method, input) => {
  if (method.cachesBeforeCuts === "pruned") return;
  const notes: HeldCut[] = [];
  const start = pass(model, input, noting(method, notes));
  const turn = advance(model, start.state, [input.more, input.more]);
  const whole = pass(model, input, asNoted(method, notes), { more: input.more });
  const error = relativeError(turn.logits.dataSync(), whole.logits.dataSync());
  tf.dispose(tensorsIn([start, turn, whole]));
  holds(error < 1e-5, `the relative error of the logits is ${error}`);
};

/**
 * Where no token is made inside the decoder, a prompt and what follows have the logits of the oracle, which
 * only hides: what a cut drops, from its layer on or, where a method prunes earlier caches, from all that is decoded.
 */
export const agreesWithTheOracle: PassLaw = (model, method, input) => {
  const recorder = record(["projector.output"]);
  const start = pass(model, input, method, { tap: recorder.tap });
  const turn = advance(model, start.state, [input.more, input.more]);
  const tokens = recorder.get("projector.output").arraySync() as number[][][];
  const logits = [start, turn].map((one) => one.logits.arraySync());
  const prompted = sequencesOf(start);
  const decoded = sequencesOf(turn).map((sequence) => sequence.map((slots) => slots.slice(-input.more.length)));
  const layers = [prompted, prompted.map((sequence, layer) => append(sequence, decoded[layer]))];
  const { unseen } = start.state;
  const ledgers = start.ledgers as SampleLedger[];
  recorder.dispose();
  tf.dispose(tensorsIn([start, turn]));
  ledgers.forEach((ledger, sample) => {
    if (ledger.tokens.some(({ firstLayer }) => firstLayer > 0)) return;
    layers.forEach((sequences, when) => {
      const run = tokensOfRun(sequences, sample, tokens[sample], unseen?.[sample]);
      const said = when === 0 ? 0 : input.more.length;
      const wanted = run.map((token, i) => ({ ...token, decoded: i >= run.length - said }));
      near(logits[when][sample], oracleLogits(model, wanted), 1e-4);
    });
  });
};
