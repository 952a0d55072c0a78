import { expect, it } from "vitest";
import { declaredSize } from "../../src/io/svg.ts";

it.each([
  ["7", 7],
  ["7px", 7],
  ["72pt", 96],
  ["6pc", 96],
  ["1in", 96],
  ["2.54cm", 96],
  ["25.4mm", 96],
  ["101.6Q", 96],
  ["2em", 32],
  ["2ex", 16],
  [" 1e1 ", 10],
])("a length of %j is %f pixels", (length, pixels) => {
  const { width, height } = declaredSize(`<svg width="${length}" height='1'/>`) ?? {};
  expect(width).toBeCloseTo(pixels, 9);
  expect(height).toBe(1);
});

it("one length gives the other by the view's proportions, and none is the view's size", () => {
  const size = (attributes: string) => declaredSize(`<svg ${attributes}/>`);
  expect(size('viewBox="0 0 30 20" width="6"')).toEqual({ width: 6, height: 4 });
  expect(size('viewBox="0,0,30,20" height="6"')).toEqual({ width: 9, height: 6 });
  expect(size('viewBox="5 5 30 20"')).toEqual({ width: 30, height: 20 });
  expect(size('width="50%" height="1"')).toBeUndefined();
  expect(size('viewBox="0 0 30 0" width="6"')).toBeUndefined();
});
