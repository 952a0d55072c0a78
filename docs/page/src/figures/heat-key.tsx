import { heat } from "./colours.ts";

/** The scale of a heat map, from 0 to its largest value. */
export function HeatKey({ most, said }: { readonly most: number; readonly said: string }) {
  const stops = Array.from({ length: 9 }, (_, i) => heat(i / 8)).join(", ");
  return (
    <p class="heat-key">
      0 <span aria-hidden="true" style={{ background: `linear-gradient(to right, ${stops})` }} /> {most.toPrecision(2)}{" "}
      {said}
    </p>
  );
}
