import type { Random } from "../core/random-numbers.ts";
import type { Rgb } from "./attributes.ts";
import { between, happens, pick } from "./draws.ts";

/** What lies behind the shapes: one tone, or two tones in a texture. */
export interface Background {
  readonly texture: "plain" | "stripes" | "checks" | "dots";
  readonly tone: Rgb;
  /** Tone of the stripes, checks or dots. */
  readonly secondTone: Rgb;
  /** Width of a stripe with its gap, as a share of the picture's side. */
  readonly period: number;
  /** Direction of the stripes in degrees; dots and checks lie straight. */
  readonly angle: number;
}

/** Grey levels of backgrounds: far from black and from white. */
const DARKEST = 108;
const LIGHTEST = 166;
/** Largest difference of a channel from grey. */
const TINT = 8;

/** A background: plain in two scenes of five. */
export function drawBackground(random: Random): Background {
  const grey = between(random, DARKEST, LIGHTEST);
  const step = between(random, 14, 30);
  const secondGrey = happens(random, 0.5) && grey - step > DARKEST ? grey - step : Math.min(grey + step, LIGHTEST);
  const tint = [0, 1, 2].map(() => between(random, -TINT, TINT));
  const tone = (level: number): Rgb => [
    Math.round(level + tint[0]),
    Math.round(level + tint[1]),
    Math.round(level + tint[2]),
  ];
  return {
    texture: happens(random, 0.4) ? "plain" : pick(random, ["stripes", "checks", "dots"]),
    tone: tone(grey),
    secondTone: tone(secondGrey),
    period: Math.round(between(random, 0.07, 0.16) * 1000) / 1000,
    angle: Math.round(between(random, 0, 180)),
  };
}

/** The background as SVG elements that fill the unit square. */
export function backgroundSvg({ texture, tone, secondTone, period, angle }: Background): string {
  const base = `<rect width="1" height="1" fill="${hex(tone)}"/>`;
  if (texture === "plain") return base;
  const stroke = (path: string, width: number, more: string): string =>
    `<path d="${path}" stroke="${hex(secondTone)}" stroke-width="${width}" ${more}/>`;
  // One path of parallel lines, whole or dashed: librsvg draws it several times faster than a <pattern>.
  if (texture === "stripes")
    return base + stroke(lines(-0.25, 1.25, period), period / 2, `transform="rotate(${angle} .5 .5)"`);
  if (texture === "dots")
    return base + stroke(lines(0, 1, period), period / 2, `stroke-linecap="round" stroke-dasharray="0 ${period}"`);
  return base + stroke(lines(0, 1, period), period / 2, `stroke-dasharray="${period / 2}"`);
}

/** Whether a background has its second tone at a point of the unit square: what {@link backgroundSvg} draws. */
export function secondToneAt({ texture, period, angle }: Background, x: number, y: number): boolean {
  if (texture === "plain") return false;
  const half = period / 4;
  if (texture === "stripes") {
    // Turned back around the middle, the lines are horizontal; the first is at -0.25.
    const turn = (-angle * Math.PI) / 180;
    const straight = 0.5 + (x - 0.5) * Math.sin(turn) + (y - 0.5) * Math.cos(turn);
    return Math.abs(fromMultiple(straight + 0.25, period)) <= half;
  }
  const up = fromMultiple(y, period);
  // The last line is the one before the lower edge.
  if (y - up >= 1) return false;
  if (texture === "dots") return Math.hypot(fromMultiple(x, period), up) <= half;
  return Math.abs(up) <= half && x % period <= period / 2;
}

/** Signed distance to the nearest multiple of a step. */
function fromMultiple(value: number, step: number): number {
  return value - Math.round(value / step) * step;
}

/** Horizontal lines from side to side, `period` apart. */
function lines(from: number, to: number, period: number): string {
  let path = "";
  for (let y = from; y < to; y += period) path += `M${from} ${y.toFixed(4)}H${to}`;
  return path;
}

/** A colour as SVG writes it. */
export function hex(rgb: Rgb): string {
  return `#${rgb.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}
