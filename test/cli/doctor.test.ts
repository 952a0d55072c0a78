import { describe, expect, it } from "vitest";
import { nuwa } from "./support.ts";

describe("nuwa doctor", () => {
  it("names versions, tries every backend, says which one is used and why, and loads the shipped model", async () => {
    const { code, out, err } = await nuwa("doctor");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^nuwa +\d+\.\d+\.\d+$/m);
    expect(out).toMatch(/^node +v\d+/m);
    expect(out).toMatch(/^wasm +works/m);
    expect(out).toMatch(/^cpu +works/m);
    expect(out).toMatch(/^tensorflow +\S+/m);
    expect(out).toMatch(/^used +(tensorflow|wasm) \(.+\)$/m);
    expect(out).toMatch(/^model +.* loads \(/m);
    // Where the native backend is missing, the remedy stands beside it.
    if (/^used +wasm/m.test(out)) expect(out).toMatch(/npm run setup:native/);
  });
});
