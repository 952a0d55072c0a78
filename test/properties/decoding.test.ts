import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { record } from "../../src/core/taps.ts";
import { type OracleToken, oracleLogits } from "../../src/laws/decoder-oracle.ts";
import type { Method } from "../../src/methods/method.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../../src/methods/nuwa/positions.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { type Advanced, advance, truncate } from "../../src/pipeline/decode.ts";
import { pick } from "../../src/pipeline/generate.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { relativeError } from "../support.ts";
import { tinyModel } from "../support-tiny.ts";
import { law } from "./law.ts";

const CELLS = 16;
const LAYERS = 4;
const IMAGE = 3;
const WORDS = 40;

/** How a conversation begins: what is pruned where, and the first turn of each sample. */
interface Prefill {
  readonly cells: readonly number[];
  /** Layer → which of the visual tokens that are left stay. */
  readonly cuts: ReadonlyMap<number, readonly boolean[]>;
  readonly positions: PositionPolicy;
  readonly idsAfterCut: Method["idsAfterCut"];
  readonly prompts: readonly { readonly before: readonly number[]; readonly after: readonly number[] }[];
}

/** What is done to it then. */
type Command =
  | { readonly kind: "decode" }
  | { readonly kind: "append"; readonly words: readonly number[] }
  | { readonly kind: "truncate"; readonly share: number; readonly words: readonly number[] }
  | { readonly kind: "return"; readonly share: number };

const word = fc.integer({ min: 4, max: WORDS - 1 });
const prefills: fc.Arbitrary<Prefill> = fc.record({
  cells: fc.subarray(
    Array.from({ length: CELLS }, (_, i) => i),
    { minLength: 1 },
  ),
  cuts: fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: LAYERS - 1 }), fc.array(fc.boolean(), { maxLength: CELLS })), {
      selector: ([layer]) => layer,
      maxLength: 3,
    })
    .map((cuts) => new Map(cuts)),
  positions: fc.constantFrom(...POSITION_POLICIES),
  idsAfterCut: fc.constantFrom("kept" as const, "anew" as const),
  prompts: fc.array(
    fc.record({
      before: fc.array(word, { maxLength: 3 }),
      after: fc.array(word, { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 2 },
  ),
});
const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("decode" as const) }),
    fc.record({ kind: fc.constant("append" as const), words: fc.array(word, { minLength: 1, maxLength: 4 }) }),
    fc.record({
      kind: fc.constant("truncate" as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      words: fc.array(word, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant("return" as const), share: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
  ),
  { minLength: 3, maxLength: 8 },
);

/** Which cells are alive in each layer. A missing decision is "stays"; at least one token always does. */
function aliveCells({ cells, cuts }: Prefill): number[][] {
  let alive = [...cells];
  return Array.from({ length: LAYERS }, (_, layer) => {
    const stays = cuts.get(layer);
    const left = stays ? alive.filter((_, rank) => stays[rank] ?? true) : alive;
    if (left.length > 0) alive = left;
    return alive;
  });
}

function methodOf(prefill: Prefill): Method {
  const alive = aliveCells(prefill);
  const before = (layer: number) => (layer === 0 ? prefill.cells : alive[layer - 1]);
  return {
    name: "planned",
    positions: prefill.positions,
    idsAfterCut: prefill.idsAfterCut,
    *selectPatches({ features }) {
      return { cells: Array.from({ length: features.shape[0] }, () => prefill.cells) };
    },
    cuts: new Map(
      [...prefill.cuts.keys()].map((layer) => [
        layer,
        function* ({ sequence }) {
          const ranks = alive[layer].map((cell) => before(layer).indexOf(cell));
          return { keep: sequence.map(() => ranks) };
        },
      ]),
    ),
  };
}

/** The definition of the three policies, written down once more (paper, section 2.3 and Algorithm 3). */
function idsOf(policy: PositionPolicy, cells: readonly number[], start: number): { visual: number[]; next: number } {
  if (policy === "compressed") return { visual: cells.map((_, i) => start + i), next: start + cells.length };
  const next = start + CELLS;
  if (policy === "original" || policy === "ppe") return { visual: cells.map((cell) => start + cell), next };
  const last = cells[cells.length - 1];
  return {
    visual: cells.map((cell, i) => start + (i === 0 ? 0 : Math.ceil((cell * (CELLS - 1)) / last))),
    next,
  };
}

/** The tokens of a sample as the oracle sees them: all that ever entered, and when each is hidden. */
function oracleTokens(prefill: Prefill, sample: number, said: readonly number[], visual: Float32Array): OracleToken[] {
  const { before, after } = prefill.prompts[sample];
  const alive = aliveCells(prefill);
  const ids = alive.map((left) =>
    idsOf(prefill.positions, prefill.idsAfterCut === "anew" ? left : prefill.cells, before.length),
  );
  const numbered = prefill.idsAfterCut === "anew" ? alive : alive.map(() => prefill.cells);
  const everywhere = (position: number) => new Array<number>(LAYERS).fill(position);
  const width = visual.length / prefill.cells.length;
  return [
    ...before.map((id, i) => ({ content: id, positions: everywhere(i), hiddenFrom: LAYERS })),
    ...prefill.cells.map((cell, row) => {
      const dies = alive.findIndex((left) => !left.includes(cell));
      return {
        content: visual.subarray(row * width, (row + 1) * width),
        // Where it is hidden its id does not matter.
        positions: ids.map(({ visual: own }, layer) => own[numbered[layer].indexOf(cell)] ?? 0),
        hiddenFrom: dies < 0 ? LAYERS : dies,
      };
    }),
    ...[...after, ...said].map((id, i) => ({
      content: id,
      positions: ids.map(({ next }) => next + i),
      hiddenFrom: LAYERS,
    })),
  ];
}

/** A state, what was said to get there, and whether its logits are those of its last word. */
interface Reached {
  readonly state: Advanced;
  readonly said: readonly (readonly number[])[];
  readonly knowsLogits: boolean;
}

let model: Llava;
let pixels: tf.Tensor4D;
beforeAll(async () => {
  await useBackend("wasm");
  model = tinyModel();
  pixels = tf.randomNormal<tf.Rank.R4>([2, 3, 16, 16], 0, 1, "float32", 7);
});
afterAll(() => {
  pixels.dispose();
  disposeModel(model);
});

law(
  "Any sequence of prefill, prune, decode, append, truncate and return gives the logits of a full recomputation under masks.",
  fc.record({ prefill: prefills, commands }),
  ({ prefill, commands: list }) => {
    const tensors = tf.memory().numTensors;
    const prompts = prefill.prompts.map(({ before, after }) => [...before, IMAGE, ...after]);
    const recorder = record(["projector.output"]);
    const own = pixels.slice([0, 0, 0, 0], [prompts.length, 3, 16, 16]);
    const start = runSync(() => forward(model, { pixels: own, prompts }, methodOf(prefill), recorder.tap));
    const visual = recorder.get("projector.output").dataSync() as Float32Array; // [B, k, Hd]
    const each = visual.length / prompts.length;
    const compare = ({ logits }: Advanced, said: readonly (readonly number[])[]) => {
      const rows = logits.dataSync();
      said.forEach((words, sample) => {
        const image = visual.subarray(sample * each, (sample + 1) * each);
        const wanted = oracleLogits(model, oracleTokens(prefill, sample, words, image));
        expect(relativeError(rows.slice(sample * WORDS, (sample + 1) * WORDS), wanted)).toBeLessThan(1e-4);
      });
    };
    /** Feeds words, the same to all samples or to each its own. */
    const feed = (from: Advanced, said: readonly (readonly number[])[], ...words: (readonly number[])[]): Reached => {
      const each = prompts.map((_, sample) => [...words[Math.min(sample, words.length - 1)]]);
      const state = advance(model, from.state, each);
      return { state, said: said.map((old, i) => [...old, ...each[i]]), knowsLogits: true };
    };
    /** Everything that was ever reached; states stay valid, so that one can return to any. */
    const reached: Reached[] = [{ state: start, said: prompts.map(() => []), knowsLogits: true }];
    try {
      compare(start, reached[0].said);
      let current = reached[0];
      for (const command of list) {
        if (command.kind === "return") {
          current = reached[Math.floor(command.share * reached.length)];
          continue;
        }
        if (command.kind === "truncate") {
          // What is behind the cut is seen only when something follows.
          const count = Math.ceil(command.share * current.said[0].length);
          const said = current.said.map((words) => words.slice(0, words.length - count));
          const shorter = { logits: current.state.logits.clone(), state: truncate(current.state.state, count) };
          reached.push({ state: shorter, said, knowsLogits: false });
          current = feed(shorter, said, command.words);
        } else if (command.kind === "append") current = feed(current.state, current.said, command.words);
        else if (current.knowsLogits) {
          const logits = current.state.logits.dataSync() as Float32Array;
          const best = prompts.map((_, sample) => [pick(logits.slice(sample * WORDS, (sample + 1) * WORDS))]);
          current = feed(current.state, current.said, ...best);
        }
        reached.push(current);
        if (current.knowsLogits) compare(current.state, current.said);
      }
    } finally {
      tf.dispose([own, ...reached.flatMap(({ state }) => tensorsIn(state))]);
      recorder.dispose();
    }
    expect(tf.memory().numTensors).toBe(tensors);
  },
  { share: 0.6 },
);

it("what was pruned cannot be taken back: truncating into the image is refused", () => {
  const own = pixels.slice([0, 0, 0, 0], [1, 3, 16, 16]);
  const prefill: Prefill = {
    cells: [1, 5, 9],
    cuts: new Map([[2, [true, false]]]),
    positions: "original",
    idsAfterCut: "kept",
    prompts: [{ before: [4], after: [5, 6] }],
  };
  const start = runSync(() => forward(model, { pixels: own, prompts: [[4, IMAGE, 5, 6]] }, methodOf(prefill)));
  for (const count of [3, -1, 0.5]) expect(() => truncate(start.state, count)).toThrow(/the last 2 are text/);
  tf.dispose([own, ...tensorsIn(start)]);
});
