import { scaleLinear } from "d3-scale";

/** A bar for each decoder layer. */
export interface BarsProps {
  /** Visual tokens that enter each layer. */
  readonly counts: readonly number[];
  /** Visual tokens of the unpruned model, in every layer. */
  readonly total: number;
  /** Tokens of text, which every layer has besides. */
  readonly text: number;
  /** The layer that is looked at. */
  readonly layer: number;
  readonly onLayer: (layer: number) => void;
}

/** Size of the drawing. */
export const BARS_SIZE = { width: 400, height: 210 } as const;
const EDGE = { left: 34, right: 6, top: 26, bottom: 40 } as const;

/** Layers before which tokens are dropped. */
export function cutsOf(counts: readonly number[]): number[] {
  return counts.flatMap((count, layer) => (layer > 0 && count < counts[layer - 1] ? [layer] : []));
}

/** Entries of the cache in each layer beside those of the unpruned model, and where tokens are dropped. */
export function Bars({ counts, total, text, layer, onLayer }: BarsProps) {
  const { width, height } = BARS_SIZE;
  const y = scaleLinear([0, total + text], [height - EDGE.bottom, EDGE.top]);
  const step = (width - EDGE.left - EDGE.right) / counts.length;
  const x = (index: number) => EDGE.left + index * step;
  const bar = { x: step * 0.14, width: step * 0.72 };
  return (
    <g class="bars">
      {[0, Math.round((total + text) / 2), total + text].map((tick) => (
        <g key={tick}>
          <line class="tick" x1={EDGE.left - 4} x2={width - EDGE.right} y1={y(tick)} y2={y(tick)} />
          <text x={EDGE.left - 7} y={y(tick) + 4} text-anchor="end">
            {tick}
          </text>
        </g>
      ))}
      {counts.map((count, index) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: the slider above does the same by keyboard
        <g key={index} class={index === layer ? "layer chosen" : "layer"} onClick={() => onLayer(index)}>
          <rect
            class="whole"
            x={x(index) + bar.x}
            width={bar.width}
            y={y(total + text)}
            height={y(0) - y(total + text)}
          />
          <rect class="text" x={x(index) + bar.x} width={bar.width} y={y(text)} height={y(0) - y(text)} />
          <rect
            class="visual"
            x={x(index) + bar.x}
            width={bar.width}
            y={y(text + count)}
            height={y(text) - y(text + count)}
          />
          <text x={x(index) + step / 2} y={y(text + count) - 4} text-anchor="middle">
            {count}
          </text>
          <text x={x(index) + step / 2} y={height - EDGE.bottom + 15} text-anchor="middle">
            {index === layer ? `▸${index}` : index}
          </text>
        </g>
      ))}
      {cutsOf(counts).map((cut) => (
        <g key={cut} class="cut">
          <line x1={x(cut)} x2={x(cut)} y1={EDGE.top - 8} y2={y(0)} />
          <text x={x(cut)} y={EDGE.top - 12} text-anchor="middle">
            cut
          </text>
        </g>
      ))}
      <text x={(EDGE.left + width) / 2} y={height - 6} text-anchor="middle">
        decoder layer
      </text>
      <text x={2} y={11}>
        entries
      </text>
    </g>
  );
}
