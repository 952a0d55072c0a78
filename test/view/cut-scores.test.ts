import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import type { Slot } from "../../src/core/slots.ts";
import { recordScores } from "../../src/view/cut-scores.ts";
import { leaked } from "../support.ts";

it("scores of cuts are those of each cut's own image, by the token's number, the earlier layer first", async () => {
  await useBackend("wasm");
  const visual = (image: number, row: number): Slot => ({ kind: "visual", image, row, cell: row, position: [row] });
  const text: Slot = { kind: "text", id: 1, position: [0] };
  const wide = [[text, visual(0, 0), visual(0, 1), visual(1, 2), text]];
  const narrow = [[text, visual(0, 1), visual(1, 2), text]];
  const pass = {};
  let found: unknown;
  const left = await leaked(async () => {
    const recorder = recordScores();
    const meet = (layer: number, image: number, scores: readonly number[], sequence: typeof wide) => {
      const tensor = tf.tensor2d([...scores], [1, scores.length]);
      recorder.tap("stage2.scores", tensor, { pass, layer, sequence, images: [image] });
      tensor.dispose();
    };
    expect(await recorder.read()).toEqual([]);
    meet(3, 0, [9, 5, 6, 7], narrow);
    meet(2, 0, [9, 1, 2, 3, 9], wide);
    meet(2, 1, [9, 4, 5, 6, 9], wide);
    found = (await recorder.read()).map(({ layer, scores }) => [layer, [...scores]]);
    recorder.dispose();
  });
  const second = [
    [0, 1],
    [1, 2],
    [2, 6],
  ];
  expect(found).toEqual([
    [2, second],
    [3, [[1, 5]]],
  ]);
  expect(left).toBe(0);
});
