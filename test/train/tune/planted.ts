import * as tf from "@tensorflow/tfjs";
import { normal, randomFrom } from "../../../src/core/random-numbers.ts";
import { runSync } from "../../../src/core/readback.ts";
import { noTap } from "../../../src/core/taps.ts";
import type { PatchView } from "../../../src/methods/method.ts";
import type { Stage1Constants } from "../../../src/methods/nuwa/constants.ts";
import { nuwa } from "../../../src/methods/nuwa/nuwa.ts";
import type { SelectionKind } from "../../../src/methods/nuwa/soft-stage1.ts";
import { VARIANTS } from "../../../src/methods/nuwa/variants.ts";
import { towerBlock } from "../../../src/model/tower-block.ts";
import type { ConstantValues } from "../../../src/train/tune/tuned-constants.ts";
import type { TuneProblem, TuneRecipe } from "../../../src/train/tune/tuning.ts";

const GRID = { rows: 8, columns: 8 };
const PATCHES = 64;
const WIDTH = 6;

/** What a tower might show of some pictures: saliences, key norms and features that are alike where they are near. */
export function madeUpVision(seed: number, images: number): PatchView {
  const random = randomFrom(seed);
  const draws = (count: number) => Float32Array.from({ length: count }, () => normal(random));
  const waves = Array.from({ length: images * WIDTH }, () => draws(3));
  const features = Float32Array.from({ length: images * (PATCHES + 1) * WIDTH }, (_, at) => {
    const [image, place, channel] = [
      Math.floor(at / WIDTH / (PATCHES + 1)),
      Math.floor(at / WIDTH) % (PATCHES + 1),
      at % WIDTH,
    ];
    const [down, across, phase] = waves[image * WIDTH + channel];
    const patch = Math.max(0, place - 1);
    return 0.3 + Math.sin(0.5 * down * Math.floor(patch / 8) + 0.5 * across * (patch % 8) + 3 * phase);
  });
  const state = tf.tensor3d(features, [images, PATCHES + 1, WIDTH]);
  return {
    grid: GRID,
    extraTokens: 0,
    prefixTokens: 1,
    blocks: 1,
    fullAttentionBlocks: [0],
    meanState: () => state.slice([0, 1, 0]),
    features: state.slice([0, 1, 0]),
    classFeature: state.slice([0, 0, 0], [-1, 1, -1]),
    featureBlock: 0,
    members: undefined,
    heads: 1,
    project: (x) => x,
    image: { grids: [GRID], tiles: [1] },
    share: (count) => count,
    block: () => towerBlock({ queries: state, keys: state, heads: 1, prefixTokens: 1, onGrid: (patches) => patches }),
    clsAttention: tf.tensor2d(
      draws(images * PATCHES).map((x) => Math.exp(0.5 * x)),
      [images, PATCHES],
    ),
    keyNorms: tf.tensor2d(
      draws(images * PATCHES).map((x) => 3 * Math.exp(0.5 * x)),
      [images, PATCHES],
    ),
  };
}

/** How much of each patch stage 1 keeps, summed over the kept tokens: [I, N]. */
export function keptOf(
  seen: PatchView,
  constants: Stage1Constants,
  selection: SelectionKind,
  temperature: number,
): tf.Tensor {
  const options = {
    ...VARIANTS.paper,
    ...constants,
    budget: { stage1: 28, stage2: 7 },
    cutLayer: 1,
    selection,
    temperature,
  };
  const { weights } = runSync(() => nuwa({ ...options, pillarScore: "salience" }).selectPatches(seen, noTap));
  return (weights as tf.Tensor3D).sum(1);
}

/** Pictures 0, 1, … are tuned on, those from here on are held out. */
const HELD_OUT = 1_000_000;

/** A problem whose optimum is known: what is kept shall be what stage 1 keeps with `truth`. */
export function plantedProblem(truth: ConstantValues, { stage, temperature }: TuneRecipe): TuneProblem<number> {
  const lossOf = (constants: Stage1Constants, seed: number, selection: SelectionKind, target: SelectionKind) => {
    const seen = madeUpVision(seed, stage.batch);
    const wanted = keptOf(seen, truth, target, temperature);
    return keptOf(seen, constants, selection, temperature).sub(wanted).square().mean() as tf.Scalar;
  };
  return {
    prepare: async (step) => step,
    loss: (constants, step) => lossOf(constants, step, "straight-through", "hard"),
    async heldOut(constants) {
      const losses = [0, 1, 2, 3].map((i) =>
        tf.tidy(() => lossOf(constants, HELD_OUT + i, "hard", "hard").dataSync()[0]),
      );
      return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    },
  };
}
