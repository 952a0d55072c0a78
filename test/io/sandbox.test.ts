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
