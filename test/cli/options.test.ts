import { expect, it } from "vitest";
import { methodFrom, parseCount, parseInteger, parseNumber } from "../../src/cli/options.ts";
import { UsageError } from "../../src/core/errors.ts";
import { familyNamed } from "../../src/model/families.ts";
import { CONFIGS } from "../support-families.ts";

it("integers are those that doubles hold exactly", () => {
  expect([parseInteger("-7"), parseInteger("9007199254740991"), parseCount("1")]).toEqual([-7, 2 ** 53 - 1, 1]);
  for (const text of ["9007199254740992", "-9007199254740992", "1.0", "1e3", "0x10", " 1", "+1", ""])
    expect(() => parseInteger(text), text).toThrow(UsageError);
  for (const text of ["0", "-1"]) expect(() => parseCount(text), text).toThrow(/must be at least 1/);
});

it("numbers are finite", () => {
  expect([parseNumber("0.5"), parseNumber("-1e-3")]).toEqual([0.5, -0.001]);
  for (const text of ["", " ", "NaN", "Infinity", "1e999", "1,5"])
    expect(() => parseNumber(text), text).toThrow(/is not a number/);
});

it("a method that keeps everything takes the positions that it has, and no others", async () => {
  const config = familyNamed("qwen2_5_vl").parseConfig("config.json", CONFIGS.qwen2_5_vl);
  const asked = (positions: "original" | "compressed") => methodFrom({ method: "none", positions, seed: 1 }, config);
  expect((await asked("original")).definition.name).toBe("none");
  await expect(asked("compressed")).rejects.toThrow(/--positions compressed: the method none keeps every token/);
});
