import { expect, it } from "vitest";
import { checkNotebooks } from "../../scripts/notebooks/check.ts";
import { notebookNames } from "../../scripts/notebooks/run.ts";

it("notebooks run with their solutions, free their tensors, and print and draw what is committed", async () => {
  expect(await checkNotebooks(notebookNames())).toEqual([]);
});
