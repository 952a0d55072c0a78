import type { LlavaConfig } from "../../src/model/llava/config.ts";
import { bestMatMulRate, type Measured, measureMethods } from "./measure.ts";
import { measurePeak, type Peak } from "./peak.ts";
import { type Reading, readWeights } from "./reading.ts";
import { countParameters, type Shape } from "./shapes.ts";
import { subjectOf } from "./subject.ts";

/** What the benchmark found for one model size on one backend. Times in milliseconds. */
export interface ShapeReport {
  readonly backend: string;
  readonly shape: string;
  readonly description: string;
  readonly parameters: { readonly vision: number; readonly text: number };
  readonly runs: number;
  readonly unpruned: Measured;
  readonly pruned: Measured;
  /** Floating-point operations of the vision tower, a multiply-add counted as two. */
  readonly visionFlops: number;
  /** GFLOP/s of the whole vision tower in its fastest run. */
  readonly visionRate: number;
  /** GFLOP/s of the fastest 2-D product, before or after the runs. */
  readonly bestRate: number;
  /** Reading the weights of the decoder once, which a decoding step cannot avoid. */
  readonly reading: Reading;
  /** Of the unpruned and the pruned pass, where the system tells. */
  readonly peak: Readonly<Record<"unpruned" | "pruned", Peak | undefined>>;
}

/** Measures one model size on the current backend. */
export async function benchmarkShape(backend: string, shape: Shape, runs: number): Promise<ShapeReport> {
  const times = await measureTimes(shape, runs);
  // The processes that measure memory have all of it for themselves: the model is no longer there.
  const unpruned = await measurePeak(backend, shape.name, "none");
  const pruned = await measurePeak(backend, shape.name, "nuwa");
  const { name, description } = shape;
  return { backend, shape: name, description, runs, ...times, peak: { unpruned, pruned } };
}

async function measureTimes(
  shape: Shape,
  runs: number,
): Promise<Omit<ShapeReport, "backend" | "shape" | "description" | "runs" | "peak">> {
  const subject = subjectOf(shape);
  const { config, model, inputs } = subject;
  try {
    const rateBefore = bestMatMulRate(runs);
    const [unpruned, pruned] = await measureMethods(model, inputs, [subject.unpruned, subject.pruned], runs);
    const flops = visionFlops(config);
    return {
      parameters: {
        vision: countParameters(model, "vision_tower."),
        text: countParameters(model, "language_model."),
      },
      unpruned,
      pruned,
      visionFlops: flops,
      visionRate: flops / 1e6 / Math.min(...[unpruned, pruned].map(({ fastest }) => fastest["vision tower"])),
      bestRate: Math.max(rateBefore, bestMatMulRate(runs)),
      reading: readWeights(model, runs),
    };
  } finally {
    subject.dispose();
  }
}

/** The products of the tower for one image: patches, linear layers, attention. */
function visionFlops({ vision }: LlavaConfig): number {
  const { hiddenSize, intermediateSize, numHiddenLayers, patchSize } = vision;
  const patches = (vision.imageSize[0] / patchSize) * (vision.imageSize[1] / patchSize);
  const tokens = patches + 1;
  const linear = tokens * (4 * hiddenSize ** 2 + 2 * hiddenSize * intermediateSize);
  const attention = 2 * tokens ** 2 * hiddenSize;
  return 2 * (patches * 3 * patchSize ** 2 * hiddenSize + numHiddenLayers * (linear + attention));
}
