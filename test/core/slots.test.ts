import { expect, it } from "vitest";
import { rolesOf, type Slot } from "../../src/core/slots.ts";

const text: Slot = { kind: "text", id: 5, position: [0] };
const visual: Slot = { kind: "visual", image: 0, row: 0, cell: 0, position: [1] };

it("text before the image is the system's, behind it text, and the last token is last", () => {
  expect(rolesOf([text, text, visual, visual, text, text, null])).toEqual([
    ...["system", "system", "visual", "visual", "text", "last", "padding"],
  ]);
});

it("without an image everything but the last token is text", () => {
  expect(rolesOf([text, text, text])).toEqual(["text", "text", "last"]);
});
