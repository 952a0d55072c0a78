import * as Plot from "@observablehq/plot";

/**
 * Colours that people with any kind of colour blindness tell apart, and what each is used for. Where two stand in one
 * panel they differ in lightness, too, and a shape or a dash says the same again, so that grey prints are read alike.
 *
 * Source: Okabe and Ito, "Color Universal Design", 2008.
 */
export const COLOURS = {
  ink: "#000000",
  paper: "#ffffff",
  /** Numbers beside what is drawn, and lines of no weight. */
  quiet: "#595959",
  truth: "#000000",
  unpruned: "#0072b2",
  pruned: "#d55e00",
  pillar: "#e69f00",
  collector: "#0072b2",
  merged: "#56b4e9",
  recycled: "#009e73",
  bar: "#0072b2",
} as const;

/** Colours of lines and parts in one plot, in the order in which they are taken. */
export const SERIES = {
  blue: "#0072b2",
  orange: "#d55e00",
  green: "#009e73",
  purple: "#cc79a7",
  grey: "#767676",
} as const;

const scale = Plot.scale({ color: { type: "linear", scheme: "cividis", domain: [0, 1] } });

/**
 * The colour of a value from 0 to 1: cividis, which grows lighter with the value and looks alike to the colour-blind.
 *
 * Source: Nuñez, Anderton and Renslow, PLOS ONE 13(7), 2018.
 */
export function heat(value: number): string {
  return String(scale.apply(Math.min(1, Math.max(0, value))));
}
