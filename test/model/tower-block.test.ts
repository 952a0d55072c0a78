import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { towerBlock } from "../../src/model/tower-block.ts";
import { relativeError } from "../support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

/** Three tokens of two heads of width 2; the first may stand for the class. */
const queries = [
  [1, 0, 2, 1],
  [0, 1, 1, 3],
  [2, 2, 0, 1],
];
const keys = [
  [1, 1, 0, 1],
  [0, 2, 1, 0],
  [3, 0, 1, 1],
];

/** softmax(q·k/√d) of every query, over channels `from` to `to`. */
function attention(from: number, to: number): number[][] {
  return queries.map((query) => {
    const part = (row: number[]) => row.slice(from, to);
    const products = keys.map((key) => part(key).reduce((sum, value, i) => sum + value * part(query)[i], 0));
    const weights = products.map((product) => Math.exp(product / Math.sqrt(to - from)));
    const sum = weights.reduce((all, one) => all + one, 0);
    return weights.map((weight) => weight / sum);
  });
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const block = (prefixTokens: number) =>
  towerBlock({
    queries: tf.tensor3d([queries]),
    keys: tf.tensor3d([keys]),
    heads: 2,
    prefixTokens,
    onGrid: (patches) => patches,
  });

describe("a block of the tower", () => {
  it("says what each patch receives from all tokens, each head on its own scale", () => {
    const heads = [attention(0, 2), attention(2, 4)];
    const wanted = keys.map((_, key) => mean(heads.map((rows) => mean(rows.map((row) => row[key])))));
    for (const prefix of [0, 1])
      tf.tidy(() => {
        expect(relativeError(block(prefix).received().dataSync(), wanted.slice(prefix))).toBeLessThan(1e-6);
      });
  });

  it("as a single head has the scale of the full width, and pays from the class token where there is one", () => {
    const rows = attention(0, 4);
    const wanted = keys.map((_, key) => mean(rows.map((row) => row[key])));
    tf.tidy(() => {
      expect(relativeError(block(1).singleHead().dataSync(), rows[0].slice(1))).toBeLessThan(1e-6);
      expect(relativeError(block(0).singleHead().dataSync(), wanted)).toBeLessThan(1e-6);
    });
  });
});
