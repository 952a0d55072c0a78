import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { prepareWasm } from "../../../src/backend/wasm/prepare.ts";

/** The version whose internals src/backend/wasm builds on. */
const KNOWN = "4.22.0";

describe("preparing the wasm backend", () => {
  it("leaves the process's uncaught errors to the process", async () => {
    const events = ["uncaughtException", "unhandledRejection"] as const;
    const before = events.map((event) => process.rawListeners(event));
    await prepareWasm();
    expect(events.map((event) => process.rawListeners(event))).toEqual(before);
  });

  it("is done once, whoever asks and how often", async () => {
    await Promise.all([prepareWasm(), prepareWasm()]);
    const kernel = tf.getKernel("BatchMatMul", "wasm");
    await prepareWasm();
    expect(tf.getKernel("BatchMatMul", "wasm")).toBe(kernel);
  });

  it("is written for the version that is installed", () => {
    const { version } = createRequire(import.meta.url)("@tensorflow/tfjs-backend-wasm/package.json");
    expect(version).toBe(KNOWN);
  });
});
