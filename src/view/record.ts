import type { ExactCost } from "../analysis/cost/meter.ts";
import { costOf, unprunedCost, type VisualCost } from "../analysis/cost/paper.ts";
import type { Grid } from "../core/grid.ts";
import type { Mark } from "../eval/tasks/marking.ts";
import { averageTokens, enteringPerLayer, leavingPerLayer, type SampleLedger } from "../methods/ledger.ts";
import type { VlmConfig } from "../model/vlm.ts";
import type { Truth } from "../world/reading.ts";

/** What {@link runRecord} is made from. */
export interface RunFacts {
  /** Files, in the order of the prompt. */
  readonly images: readonly string[];
  readonly question: string;
  /** The file of the chat template, or that it is the family's own prompt. */
  readonly prompt: string;
  readonly answer: string;
  readonly answerIds: readonly number[];
  /** What the same model says with every visual token; undefined when nothing was pruned. */
  readonly unprunedAnswer: string | undefined;
  readonly model: string;
  readonly backend: string;
  /** Name and parameters as they were asked for. */
  readonly method: Readonly<Record<string, string | number | undefined>>;
  readonly generation: Readonly<Record<string, number | undefined>>;
  readonly ledger: SampleLedger;
  readonly config: VlmConfig;
  /** What answers are compared with, where the picture is a scene of the world; and how they were marked. */
  readonly truth?: Truth & {
    readonly split: string;
    readonly seed: number;
    readonly marks: { readonly pruned: Mark | undefined; readonly unpruned: Mark | undefined };
  };
  /** Averages that were tried after this one because the answer did not hold. */
  readonly explored?: readonly {
    readonly average: string;
    /** Visual tokens that entered a decoder layer, averaged; undefined where the method has no such average. */
    readonly entering?: number;
    readonly answer?: string;
    readonly holds: boolean;
    /** In words. */
    readonly verdict: string;
    readonly mark?: Mark;
  }[];
  /** Measured, see measureCost; of the same run twice where nothing was pruned. */
  readonly exactCost: { readonly pruned: ExactCost; readonly unpruned: ExactCost };
}

/** A run as JSON: what was asked and answered, what became of every visual token, counts per layer, cost. */
export interface RunRecord extends Omit<RunFacts, "images" | "ledger" | "config"> {
  /** Of the model, as in `model_type` of config.json. */
  readonly family: string;
  /** The grids of an image are numbered through. */
  readonly images: readonly { readonly file: string; readonly grids: readonly Grid[] }[];
  readonly textTokens: number;
  /**
   * In their order in the decoder; each entered the decoder layers from `firstLayer` to before
   * `layers`.
   */
  readonly visualTokens: readonly {
    /** Which of the images, from 0. */
    readonly image: number;
    readonly cell: number;
    /** One id where ids have a single axis, else one for each axis. */
    readonly position: number | readonly number[];
    readonly pillar: boolean | undefined;
    readonly firstLayer: number;
    readonly layers: number;
    readonly mergedPatches: number;
  }[];
  readonly visualTokensPerLayer: {
    readonly entering: number[];
    readonly leaving: number[];
    readonly averageEntering: number;
    readonly averageLeaving: number;
  };
  /** By the paper's formula, of the visual tokens alone. */
  readonly cost: { readonly pruned: VisualCost; readonly unpruned: VisualCost };
}

/** The record of a run. */
export function runRecord({ images, ledger, config, exactCost, ...facts }: RunFacts): RunRecord {
  const [entering, leaving] = [enteringPerLayer(ledger), leavingPerLayer(ledger)];
  return {
    ...facts,
    family: config.family,
    images: ledger.images.map(({ grids }, i) => ({ file: images[i], grids })),
    textTokens: ledger.textTokens,
    visualTokens: ledger.tokens.map(({ image, cell, position, pillar, firstLayer, layers, weights }) => ({
      image,
      cell,
      position: position.length === 1 ? position[0] : position,
      pillar,
      firstLayer,
      layers,
      mergedPatches: weights ? weights.reduce((count, weight) => count + Number(weight > 0), 0) : 1,
    })),
    visualTokensPerLayer: {
      entering,
      leaving,
      averageEntering: averageTokens(entering),
      averageLeaving: averageTokens(leaving),
    },
    cost: { pruned: costOf(ledger, config.text), unpruned: unprunedCost(ledger, config.text) },
    exactCost,
  };
}
