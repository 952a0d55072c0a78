import * as tf from "@tensorflow/tfjs";
import { finishSync, tidy } from "../../../../src/core/readback.ts";
import { noTap } from "../../../../src/core/taps.ts";
import { similarityFeatures } from "../../../../src/methods/nuwa/aggregation.ts";
import { salienceOf } from "../../../../src/methods/nuwa/salience.ts";
import { VARIANTS } from "../../../../src/methods/nuwa/variants.ts";
import type { PreparedImage } from "../../../../src/model/preprocessing.ts";
import type { EncodedImages } from "../../../../src/model/vlm.ts";
import type { LoadedVlm } from "../../../../src/pipeline/answer.ts";
import { batchOf } from "../../../../src/pipeline/processor.ts";
import { rasterScene, SCENE_FILE_SIDE } from "../../../../src/world/raster.ts";
import { type Held, hold } from "./held.ts";
import type { DrawnScene, Seen } from "./protocol.ts";

/** A scene as the tower's input, and what the tower makes of it. */
export interface EncodedScene {
  readonly image: PreparedImage;
  readonly encoded: Held<readonly EncodedImages[]>;
}

/** How many scenes stay encoded: the one that is looked at, and the one before. */
const KEPT = 2;

/** Draws and encodes scenes, each once as long as it is looked at. */
export function sceneCache({ model, preprocessing }: LoadedVlm): (scene: DrawnScene) => EncodedScene {
  const known = new Map<string, EncodedScene>();
  return (scene) => {
    const key = JSON.stringify([scene.background, scene.shapes]);
    const found = known.get(key) ?? encode(scene);
    known.delete(key);
    known.set(key, found);
    for (const [old, { encoded }] of [...known].slice(0, -KEPT)) {
      encoded.dispose();
      known.delete(old);
    }
    return found;
  };

  function encode(scene: DrawnScene): EncodedScene {
    const pixels = rasterScene(scene, SCENE_FILE_SIDE);
    const image = preprocessing.prepare({ width: SCENE_FILE_SIDE, height: SCENE_FILE_SIDE, pixels });
    // Without freeing what it makes: blocks are computed from it when somebody asks for them.
    const encoded = hold(() => finishSync(model.encode({ pixels: batchOf([image]).pixels }, noTap)));
    return { image, encoded };
  }
}

/** What a reader is shown of an encoded scene. */
export function seenOf({ encoded }: EncodedScene): Seen {
  const [{ grids }] = encoded.value;
  const [seen] = grids;
  return tidy(() => {
    const states = similarityFeatures(seen, "last-third").squeeze<tf.Tensor2D>([0]); // [N, D]
    const unit = states.div(states.norm("euclidean", 1, true)); // [N, D]
    return {
      attention: seen.clsAttention.dataSync() as Float32Array,
      salience: {
        paper: salienceOf(seen, VARIANTS.paper).dataSync() as Float32Array,
        official: salienceOf(seen, VARIANTS.official).dataSync() as Float32Array,
      },
      keyNorms: seen.keyNorms.dataSync() as Float32Array,
      likeness: tf.matMul(unit, unit, false, true).dataSync() as Float32Array, // [N, N]
    };
  });
}
