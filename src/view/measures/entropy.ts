import { lines } from "../plots/lines.ts";
import { stacked } from "../plots/panel.ts";
import { listOf, type MeasureRecord, rounded } from "./record.ts";

/** Entropy of the attention in tower and decoder, see `towerEntropy` and `decoderEntropy`. */
export function entropyRecord(
  { vision, llm }: { readonly vision: Float32Array; readonly llm: Float32Array },
  patches: number,
): MeasureRecord {
  const largest = Math.log2(patches - 1);
  return {
    entries: [
      ["vision.entropy", listOf(vision)],
      ["llm.entropy", listOf(llm)],
    ],
    json: {
      unit: "bits",
      largestOfOneGrid: largest,
      visionBlocks: rounded(vision),
      decoderLayers: rounded(llm),
    },
    figure: {
      title: "visual attention entropy",
      caption:
        "How widely each patch (tower) and each visual token (decoder) spreads its attention over the others, in " +
        "bits, mean over heads. Low: it looks at few. In the decoder a token sees only those before it.",
      svg: () =>
        stacked([
          lines("vision tower", [{ name: "entropy", values: Array.from(vision) }], {
            x: "block",
            y: "bits",
            references: [{ name: "largest possible over the whole grid", value: largest }],
          }),
          lines("decoder, among visual tokens", [{ name: "entropy", values: Array.from(llm) }], {
            x: "layer",
            y: "bits",
          }),
        ]),
    },
  };
}
