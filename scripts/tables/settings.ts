import { CONTROLS, type Run } from "../../src/eval/controls.ts";
import { runOf, type Setting } from "../../src/eval/settings.ts";
import { type NuwaOptions, nuwa, VARIANTS, type Variant } from "../../src/methods/nuwa.ts";
import { METHOD_NAMES, ownPositions } from "../../src/methods/registry.ts";
import type { VlmConfig } from "../../src/model/config.ts";
import { parseAverage, solveBudget } from "../../src/pruning/budget.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../../src/pruning/positions.ts";
import { noTap } from "../../src/tap.ts";

/** The averages of the paper's tables 1, 2, 5 and 6: 192, 128 and 64 of 576. */
export const AVERAGES = ["1/3", "2/9", "1/9"] as const;
/** The average of tables 3, 7 and 8: 128 of 576. */
export const MIDDLE = "2/9";

/** Rows that must be there whatever the methods' own choice: kept ids alone explain much. */
const ALSO: readonly (readonly [method: string, positions: PositionPolicy])[] = [
  ["random", "compressed"],
  ["pooling", "original"],
  ["visionzip", "original"],
];

const PRUNERS = METHOD_NAMES.filter((name) => name !== "none");
const readingsOf = (method: string): readonly (Variant | null)[] =>
  method === "nuwa" ? (Object.keys(VARIANTS) as Variant[]) : [null];
const unpruned: Setting = { method: "none", variant: null, average: null, positions: "original" };

/** Tables 1, 2, 5 and 6: every method as its own code runs it, and {@link ALSO}. */
export const COMPARED: readonly Setting[] = [
  unpruned,
  ...[...PRUNERS.map((method) => [method, ownPositions(method)] as const), ...ALSO].flatMap(([method, positions]) =>
    readingsOf(method).flatMap((variant) => AVERAGES.map((average) => ({ method, variant, average, positions }))),
  ),
];

/** Table 3: every method under every position policy. */
export const POSITIONED: readonly Setting[] = PRUNERS.flatMap((method) =>
  readingsOf(method).flatMap((variant) =>
    POSITION_POLICIES.map((positions) => ({ method, variant, average: MIDDLE, positions })),
  ),
);

/** What is taken away from the unpruned model. */
export const CONTROLLED: readonly Setting[] = [
  unpruned,
  ...Object.entries(CONTROLS).map(([method, { positions }]) => ({ method, variant: null, average: null, positions })),
];

/** The switches that differ; a pillar's score and quantile belong together. */
const SWITCHES = [["salience"], ["pillarScore", "pillarQuantile"], ["normalisation"], ["stage2"]] as const;

/** A setting of Nüwa with something changed. */
interface Changed {
  readonly setting: Setting;
  readonly options: (config: VlmConfig) => Partial<NuwaOptions>;
}

function changed(label: string, options: Changed["options"]): Changed {
  return { setting: { method: label, variant: "official", average: MIDDLE, positions: "original" }, options };
}

/** Squared thresholds of table 7, on the paper's grid of 24×24, whose largest squared distance is 1058. */
const THRESHOLDS = [18, 148, 280, 412, 544, 676, 808, 940, 1058] as const;

/** Table 7: the distance threshold. */
export const THRESHOLDED: readonly Changed[] = THRESHOLDS.map((squared) =>
  changed(`τ² ${squared}/1058`, () => ({ distanceFraction: squared / 1058 })),
);

/** Table 8: with and without regions, pillars, and a second score instead of a random second cut. */
export const ABLATED: readonly Changed[] = [true, false].flatMap((regions) =>
  [true, false].flatMap((pillars) =>
    [false, true].map((random) =>
      changed(`regions ${mark(regions)}, pillars ${mark(pillars)}, random stage 2 ${mark(random)}`, ({ vision }) => ({
        // One region as large as the grid is no region: the best of the whole picture.
        ...(regions ? {} : { regionSize: Math.max(...vision.imageSize) / vision.patchSize }),
        // At the highest quantile only the best anchor is a pillar; all others collect.
        ...(pillars ? {} : { pillarQuantile: 1 }),
        ...(random ? { stage2: "random" as const } : {}),
      })),
    ),
  ),
);

/** Which of their differences parts the two readings: the released one with one switch as in the paper, and the other way about. */
export const SWITCHED: readonly Changed[] = (["official", "paper"] as const).flatMap((variant) => {
  const other = variant === "official" ? "paper" : "official";
  return SWITCHES.map((names) => ({
    setting: {
      method: `${variant}, but ${names.join(" and ")} as ${other}`,
      variant,
      average: MIDDLE,
      positions: "original",
    },
    options: () => Object.fromEntries(names.map((name) => [name, VARIANTS[other][name]])),
  }));
});

function mark(has: boolean): string {
  return has ? "✓" : "✗";
}

/** All settings, none twice. */
export const ALL_SETTINGS: readonly Setting[] = [
  ...new Map(
    [
      ...COMPARED,
      ...POSITIONED,
      ...CONTROLLED,
      ...[...THRESHOLDED, ...ABLATED, ...SWITCHED].map(({ setting }) => setting),
    ].map((setting) => [JSON.stringify(setting), setting]),
  ).values(),
];

/** What to run for a setting of these tables. */
export function tableRun(setting: Setting, config: VlmConfig, seed: number): Run {
  const special = [...THRESHOLDED, ...ABLATED, ...SWITCHED].find((one) => one.setting.method === setting.method);
  if (!special) return runOf(setting, config, seed);
  const { numHiddenLayers } = config.text;
  const total = config.vision.imageSize.reduce((product, side) => product * (side / config.vision.patchSize), 1);
  const cutLayer = Math.floor(numHiddenLayers / 2);
  const budget = solveBudget(parseAverage(MIDDLE), total, numHiddenLayers, cutLayer);
  const method = nuwa({ ...VARIANTS[setting.variant as Variant], budget, cutLayer, seed, ...special.options(config) });
  return { method: { ...method, name: setting.method }, tap: noTap };
}
