import { enteringPerLayer, type SampleLedger } from "../../methods/ledger.ts";
import { element } from "../svg.ts";
import { COLOURS } from "./palette.ts";
import { type Block, FONT, label, textWidth } from "./text.ts";

const TOP = 26;

/**
 * Visual tokens entering each decoder layer as bars, against a dashed line for the unpruned count. A number stands
 * where the count changes, as far as there is room.
 *
 * @param height of the tallest bar
 */
export function layersChart(ledger: SampleLedger, width: number, height: number): Block {
  const counts = enteringPerLayer(ledger);
  const most = Math.max(ledger.total, ...counts);
  const step = width / counts.length;
  const topOf = (count: number) => TOP + height * (1 - count / most);
  const bars = counts.map((count, layer) =>
    element("rect", {
      ...{ class: "bar", x: layer * step + step * 0.1, y: topOf(count), width: step * 0.8 },
      ...{ height: TOP + height - topOf(count), fill: COLOURS.bar },
    }),
  );
  const line = element("path", {
    ...{ class: "unpruned", d: `M0 ${topOf(ledger.total).toFixed(2)}H${width}`, fill: "none" },
    ...{ stroke: COLOURS.ink, "stroke-width": 1.6, "stroke-dasharray": "6 4" },
  });
  const size = FONT.small;
  const unpruned = `${ledger.total} unpruned`;
  const taken: Area[] = [{ left: width - textWidth(unpruned, size), right: width, bottom: topOf(ledger.total) }];
  const labels = [label(unpruned, width, topOf(ledger.total) - 6, { size, anchor: "end" })];
  const changes = counts.flatMap((count, layer) => (layer === 0 || counts[layer - 1] !== count ? [layer] : []));
  // The first and the last count say most; those between them take what room there is.
  for (const layer of new Set([changes[0], changes[changes.length - 1], ...changes])) {
    const [text, bottom] = [String(counts[layer]), topOf(counts[layer])];
    const left = Math.min(layer * step + 2, width - textWidth(text, size));
    const area = { left, right: left + textWidth(text, size), bottom };
    const crossed = bottom > topOf(ledger.total) && bottom - topOf(ledger.total) < 22;
    const hidden = counts.some((count, i) => i * step < area.right && (i + 1) * step > left && topOf(count) < bottom);
    if (crossed || hidden || taken.some((other) => overlap(area, other))) continue;
    taken.push(area);
    labels.push(label(text, left, bottom - 6, { size }));
  }
  const below = TOP + height + 20;
  const axis =
    label("layer 0", 0, below, { size }) + label(String(counts.length - 1), width, below, { size, anchor: "end" });
  return { svg: bars.join("") + line + labels.join("") + axis, height: below + 6 };
}

/** Where a number stands; all are equally high. */
interface Area {
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
}

function overlap(a: Area, b: Area): boolean {
  return a.left < b.right && b.left < a.right && Math.abs(a.bottom - b.bottom) < 22;
}
