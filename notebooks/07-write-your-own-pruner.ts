/**
 * # Write your own pruner and have the laws judge it
 *
 * First we draw what the published methods keep of one picture. Then we write a method of about twenty lines, have it
 * judged by the laws of `docs/invariants.md`, mend what they find, and ask a question with it. Everything used here is
 * exported by the entry points of `src/`. Run it with `npx tsx notebooks/07-write-your-own-pruner.ts`.
 */
import * as tf from "@tensorflow/tfjs";
import { coverageOf, measureCost } from "../src/analysis.ts";
import { judge, report } from "../src/laws.ts";
import {
  answer,
  averageTokens,
  type ComparedRun,
  comparedWith,
  disposeModel,
  drawComparison,
  enteringPerLayer,
  type Grid,
  loadVlm,
  METHOD_NAMES,
  type MethodDefinition,
  methodNamed,
  shapesWeights,
  takesAverage,
  useBackend,
} from "../src/node.ts";
import { boxText, renderScenes, sceneOf } from "../src/world.ts";
import { picture } from "./picture.mjs";

await useBackend("wasm");
const vlm = loadVlm(shapesWeights());
const scene = sceneOf("test", 8);
const [pixels] = await renderScenes([scene], 96);
const image = vlm.preprocessing.prepare({ width: 96, height: 96, pixels });
const question = "Where is the triangle?";
const average = { ratio: 1 / 9 };

/**
 * ## The peers on one picture
 *
 * Every method is asked for 16 of 144 tokens on average over the layers, and answers the same question. FastV,
 * SparseVLM, PyramidDrop and DART take in everything and cut inside the decoder: with eight layers they cannot come
 * down to 16. FEATHER and IVC-Prune have no budget and keep as many as they have published. The picture is what
 * `nuwa compare` draws: patches that were dropped are dark, those dropped inside the decoder half dark, and lines lead
 * from patches to the token that they were merged into. No box is drawn where the answer is none.
 */
const grid = { rows: 12, columns: 12 };
const [clean] = await renderScenes([{ ...scene, noise: 0 }], 480); // without its noise, to see better
const seen = { width: 480, height: 480, pixels: clean, cellName: "patches" };
const { box } = scene.shapes[3];
const truth = { text: boxText(box), box: box };
/** A method's answer, and what its pass cost. */
const runOf = async (name: string, method: string | MethodDefinition<number>, asked = {}): Promise<ComparedRun> => {
  const { result, cost } = await measureCost((tap) => answer(vlm, image, question, { method, ...asked, tap }));
  if (!result.ledger) throw new Error("the prompt has an image, so there is a ledger");
  return { method: name, answer: result, ledger: result.ledger, cost: cost };
};
/** Methods side by side, the first of them the unpruned one. */
const sideBySide = (runs: readonly ComparedRun[]) =>
  drawComparison({
    images: [{ grids: [seen] }],
    question: question,
    truth: truth,
    runs: runs.map((run) => ({ run: run, compared: comparedWith(runs[0], run, vlm.model.config) })),
  });
console.log(`true: ${scene.shapes[3].box.map((edge) => edge.toFixed(2)).join(", ")}`);
const peers: ComparedRun[] = [];
for (const name of METHOD_NAMES) {
  const run = await runOf(name, name, takesAverage(methodNamed(name)) ? { average: average } : {});
  const { tokens } = run.ledger;
  const perLayer = enteringPerLayer(run.ledger);
  const cellsKept = tokens.filter(({ cell, firstLayer }) => cell >= 0 && firstLayer === 0);
  const { radius } = coverageOf(
    cellsKept.map(({ cell }) => cell),
    grid,
    2,
  );
  console.log(
    `${name}: ${perLayer[0]} tokens in the first layer, ${perLayer.at(-1)} in the last, ` +
      `${averageTokens(perLayer).toFixed(1)} on average; ` +
      `no patch farther than ${radius.toFixed(1)} from a kept one; ${run.answer.text}`,
  );
  peers.push(run);
}
await picture("07-peers", "what each method keeps, and the box it answers with", await sideBySide(peers));

/**
 * ## A pruner
 *
 * A method decides; gathering, projecting, position ids, masks and caches are done once, for all methods. Ours keeps
 * the patches to which the class token pays most attention. `order` ranks the patches of one image, and is all that
 * will change below. `yield` takes a tensor and returns its values.
 */
type Order = (scores: readonly number[], grid: Grid) => number[];

/** A method that keeps the first patches of an order, in raster order. */
function pruner(name: string, order: Order): MethodDefinition<number> {
  const definition: MethodDefinition<number> = {
    name,
    summary: "the first cells of an order by class attention",
    positions: "original",
    budget(asked, { total }) {
      return Math.max(1, Math.round("tokens" in asked ? asked.tokens : asked.ratio * total));
    },
    create(request, size) {
      const keep = definition.budget(request.average ?? average, size);
      return {
        name,
        needs: ["class-attention"],
        positions: request.positions ?? "original",
        idsAfterCut: "kept",
        *selectPatches({ grid: own, clsAttention, share }) {
          const values = yield clsAttention; // [images, patches]
          const total = own.rows * own.columns;
          const kept = Array.from({ length: values.length / total }, (_, i) => {
            const scores = [...values.slice(i * total, (i + 1) * total)];
            return order(scores, own)
              .slice(0, share(keep))
              .sort((a, b) => a - b);
          });
          return { cells: kept };
        },
        cuts: new Map(),
      };
    },
  };
  return definition;
}

/** The highest scores first, of equal ones the first. */
const byScore: Order = (scores) => [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
const greedy = pruner("greedy", byScore);

/**
 * ## The verdict
 *
 * `judge` tries every law on generated grids, scores and whole passes of tiny models. It says `keeps`, `breaks`, or
 * `does not apply`; a broken law comes with the smallest case that was found. Sixteen cases of each law here; the
 * command `nuwa laws --method FILE` takes a hundred.
 */
const verdicts = judge(greedy, { runs: 16 });
const count = (status: string) => verdicts.filter((verdict) => verdict.status === status).length;
console.log(`keeps ${count("keeps")}, breaks ${count("breaks")}, does not apply ${count("does not apply")}`);
const broken = verdicts.filter(({ status }) => status === "breaks");
for (const { sentence } of broken) console.log(`- ${sentence}`);
console.log(report(broken[0]).split("\n").slice(0, 14).join("\n"));

/**
 * ## Mending
 *
 * The best patches are next to one another, and whole regions are left empty. So: the best patch of each 2×2 region
 * first, then the second best of each, and so on.
 */
const regionByRegion: Order = (scores, { columns }) => {
  const best = byScore(scores, { rows: 0, columns });
  const taken = new Map<number, number>();
  const rank = new Map<number, number>();
  for (const patch of best) {
    const region = Math.floor(patch / columns / 2) * columns + Math.floor((patch % columns) / 2);
    taken.set(region, (taken.get(region) ?? 0) + 1);
    rank.set(patch, taken.get(region) ?? 0);
  }
  return best.sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0) || scores[b] - scores[a] || a - b);
};
const spread = pruner("spread", regionByRegion);
const breaks = (found: typeof verdicts) =>
  found.filter(({ status }) => status === "breaks").map(({ sentence }) => sentence);
const before = breaks(verdicts);
const now = breaks(judge(spread, { runs: 16 }));
console.log(`of ${before.length} broken laws ${before.filter((law) => now.includes(law)).length} are still broken`);
for (const law of now) if (!before.includes(law)) console.log(`now broken: ${law}`);

/**
 * That one is what the change is for: the best patch of a poor region goes before the second best of a rich one. A law
 * says what a method does; whether it should is for its author to decide.
 *
 * ## Does it help?
 *
 * On this picture both answer rightly with 16 tokens:
 */
const ours: ComparedRun[] = [];
for (const method of [greedy, spread]) {
  const run = await runOf(method.name, method, { average: average });
  console.log(`${method.name}: ${run.answer.text}`);
  ours.push(run);
}
await picture("07-own", "what our two methods keep and answer", await sideBySide([peers[0], ...ours]));

/**
 * One picture says little. `nuwa eval --methods ./my-pruner.ts,nuwa` compares over scenes, with intervals.
 *
 * ## Exercises
 *
 * 1. Write a method that looks at no score: every n-th patch of the grid. Which laws do not apply to it, and does it
 *    break any?
 * 2. Write a method with a mistake: it keeps one patch twice. Who notices, and when?
 * 3. Keep Nüwa's anchors (`alignAnchors`) without aggregation, as a method. Which laws does it keep that `greedy` does
 *    not?
 *
 * [Solutions](solutions/07-write-your-own-pruner.ipynb)
 */
disposeModel(vlm.model);
console.log(`tensors left: ${tf.memory().numTensors}`);
