import type { Setting } from "../../src/eval/run/settings.ts";
import { parseAverage } from "../../src/methods/budget.ts";
import { fastv } from "../../src/methods/fastv.ts";
import type { Method } from "../../src/methods/method.ts";
import { solveBudget } from "../../src/methods/nuwa/budget.ts";
import { type NuwaOptions, nuwa } from "../../src/methods/nuwa/nuwa.ts";
import { VARIANTS, type Variant } from "../../src/methods/nuwa/variants.ts";
import type { LlavaConfig } from "../../src/model/llava/config.ts";

/** The average of tables 3, 7 and 8: 128 of 576. */
export const MIDDLE = "2/9";

/** A setting that the registry does not have: a constant, a switch or a layer is changed. */
export interface Experiment {
  readonly setting: Setting;
  readonly method: (config: LlavaConfig, seed: number) => Method;
  /** The paper's figures for it, where it gives them, %. */
  readonly paper?: readonly (number | undefined)[];
}

const READINGS = Object.keys(VARIANTS) as Variant[];

/** Nüwa at {@link MIDDLE} with something changed. */
function changed(label: string, variant: Variant, options: (config: LlavaConfig) => Partial<NuwaOptions>): Experiment {
  return {
    setting: { method: label, variant, average: MIDDLE, positions: "original" },
    method: (config, seed) => {
      const { numHiddenLayers } = config.text;
      const cutLayer = Math.floor(numHiddenLayers / 2);
      const budget = solveBudget(parseAverage(MIDDLE), patchesOf(config), numHiddenLayers, cutLayer);
      return nuwa({ ...VARIANTS[variant], budget, cutLayer, seed, ...options(config) });
    },
  };
}

function patchesOf({ vision }: LlavaConfig): number {
  return vision.imageSize.reduce((product, side) => product * (side / vision.patchSize), 1);
}

/**
 * Squared thresholds of table 7 on the paper's grid of 24×24, whose largest squared distance is 1058, with
 * the paper's RefCOCO-test.
 */
const THRESHOLDS: readonly (readonly [squared: number, paper?: number])[] = [
  ...([
    [18, 27.83],
    [148, 29.22],
    [280, 29.43],
    [412, 28.79],
    [544, 28.34],
  ] as const),
  ...([[676], [808], [940], [1058, 27.65]] as const),
];

/** Table 7: the distance threshold, in both readings. */
export const THRESHOLDED: readonly Experiment[] = THRESHOLDS.flatMap(([squared, paper]) =>
  READINGS.map((variant) => ({
    ...changed(`τ² ${squared}/1058`, variant, () => ({ distanceFraction: squared / 1058 })),
    paper: [paper],
  })),
);

/** Table 8 of the paper: regions, pillars, random second cut → GQA, RefCOCO-test. */
const PAPER_ABLATION = new Map([
  ["✗✗✗", [58.84, 6.83]],
  ["✗✓✗", [59.62, 6.35]],
  ["✓✗✗", [57.94, 43.5]],
  ["✓✓✗", [60.18, 45.09]],
  ["✓✓✓", [59.03, 44.3]],
]);

/** Table 8: with and without regions, pillars, and a second score instead of a random second cut. */
export const ABLATED: readonly Experiment[] = [true, false].flatMap((regions) =>
  [true, false].flatMap((pillars) =>
    [false, true].flatMap((random) =>
      READINGS.map((variant) => ({
        ...changed(
          `regions ${mark(regions)}, pillars ${mark(pillars)}, random stage 2 ${mark(random)}`,
          variant,
          ({ vision }) => ({
            // One region as large as the grid is no region: the best of the whole picture.
            ...(regions ? {} : { regionSize: Math.max(...vision.imageSize) / vision.patchSize }),
            // At the highest quantile only the best anchor is a pillar; all others collect.
            ...(pillars ? {} : { pillarQuantile: 1 }),
            ...(random ? { stage2: "random" as const } : {}),
          }),
        ),
        paper: PAPER_ABLATION.get([regions, pillars, random].map(mark).join("")),
      })),
    ),
  ),
);

function mark(has: boolean): string {
  return has ? "✓" : "✗";
}

/** The switches that differ; a pillar's score and quantile belong together. */
const SWITCHES = [["salience"], ["pillarScore", "pillarQuantile"], ["normalisation"], ["stage2"]] as const;

/**
 * Which of their differences parts the two readings: the released one with one switch as in the paper, and
 * the other way about; and the one switch that the paper leaves open, where likeness to the text is taken.
 */
export const SWITCHED: readonly Experiment[] = [
  ...(["official", "paper"] as const).flatMap((variant) => {
    const other = variant === "official" ? "paper" : "official";
    return SWITCHES.map((names) =>
      changed(`${variant}, but ${names.join(" and ")} as ${other}`, variant, () =>
        Object.fromEntries(names.map((name) => [name, VARIANTS[other][name]])),
      ),
    );
  }),
  changed("paper, but likeness between the decoder's inputs", "paper", () => ({ cosineSpace: "embeddings" })),
];

/** The decoder layers before which the shipped model can cut by attention. */
const LAYERS = [1, 2, 3, 4, 5, 6, 7] as const;

/** Nüwa's second cut made earlier and later, by attention and at random: 56 tokens before it, 8 after it. */
export const DEEPER: readonly Experiment[] = LAYERS.flatMap((cutLayer) =>
  (["attention", "random"] as const).map((stage2) => {
    const { setting, method } = changed(`second cut before layer ${cutLayer}, ${stage2}`, "official", () => ({
      cutLayer,
      stage2,
    }));
    return { setting: { ...setting, average: null }, method };
  }),
);

/** What layers read of the picture: 144 patches before the layer, 16 after it, by attention (FastV) or at random. */
export const READ_OUT: readonly Experiment[] = LAYERS.flatMap((layer) =>
  (["attention", "random"] as const).map((score) => ({
    setting: {
      method: `16 left before layer ${layer}, ${score}`,
      variant: null,
      average: null,
      positions: "original",
    },
    method: (config: LlavaConfig, seed: number) =>
      score === "attention"
        ? fastv({ keep: 16, layer })
        : nuwa({
            ...VARIANTS.official,
            ...{ budget: { stage1: patchesOf(config), stage2: 16 }, cutLayer: layer, stage2: "random", seed },
          }),
  })),
);
