import * as tf from "@tensorflow/tfjs";
import { normal, type Random, randomFrom } from "../../core/random-numbers.ts";
import type { Stage } from "../engine/stage.ts";
import { coordinatesLoss } from "./coordinates-loss.ts";
import type { Dialect } from "./dialect.ts";
import { EMBEDDING_SPREAD } from "./initial.ts";
import type { Miniature } from "./miniature.ts";
import { ALIGNED_WORDS, ATTRIBUTE_WORDS } from "./pretrain.ts";
import { type Asked, questionStage } from "./question-stage.ts";
import type { Recipe } from "./recipe.ts";

/** Training scenes of the second stage begin here: the first stage uses those before. */
const FIRST_SCENE = 2 ** 28;

/** The second stage: projector and language model learn to answer; the vision tower is frozen. */
export function languageStage({ language: recipe, seed }: Recipe, miniature: Miniature): Stage<Asked> {
  const { dialect } = miniature;
  const loss = { ...recipe, firstCoordinate: dialect.firstCoordinate };
  return questionStage(recipe, miniature, {
    name: "language",
    firstScene: FIRST_SCENE,
    begin: (weights) => meaningfulEmbeddings(weights, dialect, randomFrom(seed + 2)),
    pointing(step) {
      const left = Math.max(0, 1 - step / (recipe.pointingUntil * recipe.steps));
      return { pointingLayers: recipe.pointingLayers, pointingWeight: left * recipe.pointingWeight };
    },
    helper:
      recipe.coordinatesWeight > 0
        ? (model, visual, { scenes, objects }) =>
            coordinatesLoss(model, visual, scenes, objects, loss).mul(recipe.coordinatesWeight)
        : undefined,
  });
}

/**
 * Embeddings that start with a meaning: words for attributes are what the projector was aligned with,
 * their plurals are near them, coordinates that are near in value are near as vectors, and the output
 * matrix starts as the embeddings transposed. Drops the tensors that only pretraining needs.
 */
async function meaningfulEmbeddings(
  weights: ReadonlyMap<string, tf.Tensor>,
  { words, firstCoordinate, coordinates }: Dialect,
  random: Random,
): Promise<Map<string, tf.Tensor>> {
  const kept = new Map([...weights].filter(([name]) => !name.startsWith("pretraining.")));
  const names = [...weights.keys()];
  const table = names.find((name) => name.endsWith("embed_tokens.weight")) as string;
  const old = weights.get(table) as tf.Tensor2D;
  const aligned = weights.get(ALIGNED_WORDS) as tf.Tensor2D | undefined;
  const width = old.shape[1];
  const rows = await old.array();
  const alignedRows = (await aligned?.array()) ?? [];
  alignedRows.forEach((row, i) => {
    rows[words.indexOf(ATTRIBUTE_WORDS[i])] = row;
    const plural = words.indexOf(pluralOf(ATTRIBUTE_WORDS[i]));
    if (plural >= 0) rows[plural] = row.map((value, at) => 0.9 * value + 0.4 * rows[plural][at]);
  });
  coordinateRows(coordinates, width, random).forEach((row, bin) => {
    rows[firstCoordinate + bin] = row;
  });
  const embeddings = tf.tensor2d(rows);
  kept.set(table, embeddings);
  const head = names.find((name) => name.endsWith("lm_head.weight"));
  if (head) {
    kept.get(head)?.dispose();
    kept.set(
      head,
      tf.tidy(() => embeddings.div(EMBEDDING_SPREAD * Math.sqrt(width))),
    );
  }
  tf.dispose([old, ...[...weights].flatMap(([name, tensor]) => (name.startsWith("pretraining.") ? [tensor] : []))]);
  return kept;
}

function pluralOf(word: string): string {
  return word.endsWith("s") ? `${word}es` : `${word}s`;
}

/** Random Fourier features of 0..1 in waves from a quarter to eight turns. */
function coordinateRows(count: number, width: number, random: Random): number[][] {
  const turns = Array.from({ length: 8 }, (_, i) => 0.25 * 32 ** (i / 7));
  const waves = turns.map(() => [0, 1].map(() => Array.from({ length: width }, () => normal(random))));
  return Array.from({ length: count }, (_, bin) => {
    const angles = turns.map((turn) => (2 * Math.PI * turn * bin) / (count - 1));
    return Array.from({ length: width }, (_, at) => {
      const sum = waves.reduce(
        (all, [sines, cosines], i) => all + Math.sin(angles[i]) * sines[at] + Math.cos(angles[i]) * cosines[at],
        0,
      );
      return (EMBEDDING_SPREAD * sum) / Math.sqrt(turns.length);
    });
  });
}
