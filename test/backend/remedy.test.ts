import { expect, it } from "vitest";
import { setupRemedy } from "../../src/backend/native/remedy.ts";

it("the remedy is a command in the clone, and names no command that an installed package lacks", () => {
  expect(setupRemedy()).toBe("run npm run setup:native");
  expect(setupRemedy(" -- --cuda", true)).toBe("run npm run setup:native -- --cuda");
  expect(setupRemedy(" -- --cuda", false)).toBe("only a clone of the project has a command that sets it up");
});
