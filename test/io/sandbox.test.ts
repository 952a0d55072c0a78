import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { MessagePort } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openEngine } from "../../src/io/sandbox/host.ts";

afterEach(() => vi.restoreAllMocks());

describe("the worker of tokenizers and templates", () => {
  it("gives each call its own answer, also where the caller wakes up before there is one", () => {
    const engine = openEngine("template", { source: "{{ text }}" });
    // So it is where the announcement of the answer before comes late.
    vi.spyOn(Atomics, "wait").mockReturnValueOnce("ok").mockReturnValueOnce("not-equal");
    const texts = ["one", "two", "three"];
    expect(texts.map((text) => engine.call("render", { text }))).toEqual(texts);
  });
});

describe("an engine that nothing holds any more", () => {
  it("is dropped by the worker, with the next question", async () => {
    const sent = vi.spyOn(MessagePort.prototype, "postMessage");
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const kept = openEngine("template", { source: "kept" });
    for (let i = 0; i < 20; i++) openEngine("template", { source: "gone" });
    const dropped = () => sent.mock.calls.flatMap(([question]) => (question as { forget?: number[] }).forget ?? []);
    for (let tries = 0; tries < 20 && dropped().length === 0; tries++) {
      collect();
      await new Promise((done) => setTimeout(done, 5));
      expect(kept.call("render", {})).toBe("kept");
    }
    expect(dropped().length).toBeGreaterThan(0);
  });
});
