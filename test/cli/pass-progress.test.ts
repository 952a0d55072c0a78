import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { passProgress } from "../../src/cli/pass-progress.ts";
import type { TapName } from "../../src/core/tap-points.ts";
import { wants } from "../../src/core/taps.ts";
import type { Vlm } from "../../src/model/vlm.ts";

const model = (streamed: boolean) =>
  ({ config: { facts: { layers: 4, visionBlocks: 2 } }, turns: streamed ? {} : undefined }) as unknown as Vlm;

/** What is written while a pass and a step go through points, one a second. */
function written(isTTY: boolean, secondsEach = 1, streamed = true): string {
  const pieces: string[] = [];
  let time = 0;
  const output = { isTTY, write: (text: string) => void pieces.push(text) };
  const progress = passProgress(output, model(streamed), () => time);
  const tap = progress.tap("nuwa");
  const x = tf.scalar(1);
  const meet = (name: string, step: number) => {
    expect(tap(name as TapName, x, { step })).toBe(x);
    time += 1000 * secondsEach;
  };
  for (const name of ["vision.hidden_states.0", "vision.0.queries", "vision.hidden_states.1", "vision.hidden_states.2"])
    meet(name, 0);
  for (const step of [0, 1, 2]) for (let i = 0; i < 4; i++) meet(`llm.${i}.tokens`, step);
  progress.end();
  x.dispose();
  return pieces.join("");
}

describe("the progress of a model whose layers are read when they are needed", () => {
  it("is one line on a terminal, with the time left in the tower or the decoder, and is taken away", () => {
    const lines = written(true).split("\r");
    expect(lines.slice(1, 8).map((line) => line.replace("\u001b[K", ""))).toEqual([
      "nuwa: tower, block 1/2",
      // A point in between took a second, too.
      "nuwa: tower, block 2/2, 2 s left",
      "nuwa: decoder, layer 1/4",
      "nuwa: decoder, layer 2/4, 3 s left",
      "nuwa: decoder, layer 3/4, 2 s left",
      "nuwa: decoder, layer 4/4, 1 s left",
      "nuwa: token 2, layer 1/4",
    ]);
    expect(lines.at(-1)).toBe("\u001b[K");
  });

  it("is elsewhere a line where each part begins, and one a minute", () => {
    expect(written(false)).toBe("nuwa: tower, block 1/2\nnuwa: decoder, layer 1/4\nnuwa: token 2, layer 1/4\n");
    expect(written(false, 30)).toContain("nuwa: decoder, layer 3/4, 60 s left\n");
    expect(written(false, 30)).toContain("nuwa: token 3, layer 3/4, 60 s left\n");
  });

  it("is nothing where all weights are held", () => {
    expect(written(true, 1, false)).toBe("");
  });

  it("looks at nothing else", () => {
    const tap = passProgress({ write: () => undefined }, model(true)).tap("nuwa");
    const looked = ["llm.3.tokens", "vision.hidden_states.1", "llm.3.queries", "llm.norm", "vision.features"] as const;
    expect(looked.map((name) => wants(tap, name))).toEqual([true, true, false, false, false]);
  });
});
