import { noTap } from "../../src/core/taps.ts";
import { UNPRUNED } from "../../src/eval/run/catalogue.ts";
import { CONTROLS, type Run } from "../../src/eval/run/controls.ts";
import { settingKey } from "../../src/eval/run/sample.ts";
import { runOf, type Setting } from "../../src/eval/run/settings.ts";
import { takesAverage } from "../../src/methods/method.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../../src/methods/nuwa/positions.ts";
import type { Variant } from "../../src/methods/nuwa/variants.ts";
import { METHOD_NAMES, methodNamed } from "../../src/methods/registry.ts";
import type { LlavaConfig } from "../../src/model/llava/config.ts";
import { ABLATED, DEEPER, MIDDLE, READ_OUT, SWITCHED, THRESHOLDED } from "./experiments.ts";

/** The averages of the paper's tables 1, 2, 5 and 6: 192, 128 and 64 of 576. */
export const AVERAGES = ["1/3", "2/9", "1/9"] as const;

/** Rows that must be there whatever the methods' own choice: kept ids alone explain much. */
const ALSO: readonly (readonly [method: string, positions: PositionPolicy])[] = [
  ["random", "compressed"],
  ["pooling", "original"],
  ["visionzip", "original"],
];

const PRUNERS = METHOD_NAMES.filter((name) => !methodNamed(name).keepsEverything);
const readingsOf = (method: string): readonly (Variant | null)[] => {
  const readings = (methodNamed(method).variants ?? []) as readonly Variant[];
  return readings.length > 0 ? readings : [null];
};
/** The averages that a method is asked for; one without a budget, which runs as published, for none. */
const askedOf = (method: string, averages: readonly string[]): readonly (string | null)[] =>
  takesAverage(methodNamed(method)) ? averages : [null];
const unpruned: Setting = { method: UNPRUNED, variant: null, average: null, positions: "original" };

/** Tables 1, 2, 5 and 6: every method as its own code runs it, and {@link ALSO}. */
export const COMPARED: readonly Setting[] = [
  unpruned,
  ...[...PRUNERS.map((method) => [method, methodNamed(method).positions] as const), ...ALSO].flatMap(
    ([method, positions]) =>
      readingsOf(method).flatMap((variant) =>
        askedOf(method, AVERAGES).map((average) => ({ method, variant, average, positions })),
      ),
  ),
];

/** Table 3: every method under every position policy. */
export const POSITIONED: readonly Setting[] = PRUNERS.flatMap((method) =>
  readingsOf(method).flatMap((variant) =>
    askedOf(method, [MIDDLE]).flatMap((average) =>
      POSITION_POLICIES.map((positions) => ({ method, variant, average, positions })),
    ),
  ),
);

/** What is taken away from the unpruned model. */
export const CONTROLLED: readonly Setting[] = [
  unpruned,
  ...Object.entries(CONTROLS).map(([method, { positions }]) => ({ method, variant: null, average: null, positions })),
];

/** What is measured of the model without coordinates in its tokens. */
export const UNPLACED: readonly Setting[] = [...CONTROLLED, ...POSITIONED];

/** Methods that leave no patch where it was before the decoder. */
const UNSPREAD: Readonly<Record<string, string>> = {
  pooling: "a token is a bin, not a patch",
  tome: "a token is what merged in the tower",
  fastv: "prunes inside the decoder alone",
  sparsevlm: "prunes inside the decoder alone",
  pyramiddrop: "prunes inside the decoder alone",
  dart: "prunes inside the decoder alone",
  feather: "prunes inside the decoder alone",
  ivcprune: "prunes inside the decoder alone",
};

/** All but {@link UNSPREAD}, at {@link MIDDLE}, and Nüwa without regions. */
export const SPREAD: readonly Setting[] = [
  ...PRUNERS.filter((method) => !Object.hasOwn(UNSPREAD, method)).flatMap((method) =>
    COMPARED.filter(
      (one) => one.method === method && one.average === MIDDLE && one.positions === methodNamed(method).positions,
    ),
  ),
  ...ABLATED.map(({ setting }) => setting).filter(({ method }) => method === "regions ✗, pillars ✓, random stage 2 ✗"),
];

const EXPERIMENTS = [THRESHOLDED, ABLATED, SWITCHED, DEEPER, READ_OUT].flat();

/** All settings, none twice. */
export const ALL_SETTINGS: readonly Setting[] = [
  ...new Map(
    [...COMPARED, ...POSITIONED, ...CONTROLLED, ...EXPERIMENTS.map(({ setting }) => setting)].map((setting) => [
      settingKey(setting),
      setting,
    ]),
  ).values(),
];

/** What to run for a setting of these tables. */
export function tableRun(setting: Setting, config: LlavaConfig, seed: number): Run {
  const experiment = EXPERIMENTS.find((one) => settingKey(one.setting) === settingKey(setting));
  if (!experiment) return runOf(setting, config, seed);
  return { method: { ...experiment.method(config, seed), name: setting.method }, tap: noTap };
}
