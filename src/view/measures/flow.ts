import type { SegmentFlow } from "../../analysis/flow.ts";
import { SEGMENTS } from "../../analysis/segments.ts";
import type { TensorValues } from "../../io/safetensors.ts";
import { SERIES } from "../drawing/palette.ts";
import { stacked } from "../plots/panel.ts";
import { shares } from "../plots/shares.ts";
import { type MeasureRecord, rounded } from "./record.ts";

const COLOUR_OF = [SERIES.grey, SERIES.blue, SERIES.orange, SERIES.green];

/** Attention between segments, see `attentionFlow`. */
export function flowRecord(flow: SegmentFlow): MeasureRecord {
  return {
    ...written(flow, "llm.flow"),
    figure: {
      title: "attention flow",
      caption:
        "Where visual tokens, text and the last token of the prompt look, layer by layer: shares of their attention, " +
        "mean over heads and over the tokens of the segment.",
      svg: () => drawn(flow, "share of attention"),
    },
  };
}

/** The same weighted by gradients, see `gradientFlow`. */
export function gradientFlowRecord(flow: SegmentFlow): MeasureRecord {
  return {
    ...written(flow, "llm.flow_gradient"),
    figure: {
      title: "attention flow weighted by gradients",
      caption:
        "The attention of which more would raise the logit of the next token, weighted by how much (not normalised). " +
        "In the last layer only the last token's row can matter.",
      svg: () => drawn(flow, "attention × gradient"),
    },
  };
}

function written(flow: SegmentFlow, name: string): Pick<MeasureRecord, "entries" | "json"> {
  return {
    entries: [[name, tensorOf(flow)]],
    json: { segments: SEGMENTS, layersFromTo: flow.map((layer) => layer.map(rounded)) },
  };
}

function tensorOf(flow: SegmentFlow): TensorValues {
  const [{ length }] = flow;
  return { shape: [flow.length, length, length], values: Float32Array.from(flow.flat(2)) };
}

/** The first segment sees itself alone and is left out. */
function drawn(flow: SegmentFlow, y: string): string {
  const legend = SEGMENTS.map((name, i) => ({ name, colour: COLOUR_OF[i] }));
  return stacked(
    SEGMENTS.slice(1).map((who, i) =>
      shares(
        who === "last" ? "the last token looks at" : `${who} tokens look at`,
        flow.map((layer) => layer[i + 1]),
        legend,
        { x: "decoder layer", y },
      ),
    ),
  );
}
