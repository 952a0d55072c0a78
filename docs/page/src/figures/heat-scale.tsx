import { heat } from "./colours.ts";
import "./heat-scale.css";

/** What the colours of a figure mean. */
export interface HeatScaleProps {
  readonly what: string;
  readonly least: number;
  readonly most: number;
}

const STEPS = Array.from({ length: 11 }, (_, i) => heat(i / 10)).join(", ");

/** A bar of the colours with the values at its ends. */
export function HeatScale({ what, least, most }: HeatScaleProps) {
  return (
    <p class="heat-scale">
      <span>{what}</span>
      <span>{shortly(least)}</span>
      <span class="colours" style={{ background: `linear-gradient(to right, ${STEPS})` }} />
      <span>{shortly(most)}</span>
    </p>
  );
}

/** A number with three digits that count. */
export function shortly(value: number): string {
  return String(Number(value.toPrecision(3)));
}
