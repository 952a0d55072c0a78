import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSafetensors, readTensor } from "../../src/io/safetensors.ts";
import { nuwa, temporaryFolder } from "../cli/support.ts";
import { launch } from "./chromium.ts";
import { ADDRESS, openPage, settled, stateOf, WITHOUT_PAGE } from "./page-support.ts";

/** A situation of the page, by the fields of its address. */
interface Situation {
  readonly seed: number;
  readonly question: string;
  readonly a: string;
  readonly budget: number;
  readonly positions: string;
  readonly variant?: string;
}

const SITUATIONS: readonly Situation[] = [
  { seed: 129, question: "Where is the purple cross?", a: "nuwa", budget: 32, positions: "original" },
  { seed: 129, question: "Where is the purple cross?", a: "nuwa", budget: 32, positions: "rpme" },
  {
    seed: 15,
    question: "How many shapes are there?",
    a: "nuwa",
    budget: 20,
    positions: "compressed",
    variant: "paper",
  },
  { seed: 66, question: "Where is the red circle?", a: "visionzip", budget: 16, positions: "original" },
  { seed: 7, question: "Is there a green star?", a: "fastv", budget: 48, positions: "original" },
  { seed: 250, question: "What colour is the square?", a: "divprune", budget: 24, positions: "compressed" },
  { seed: 47, question: "Where is the yellow triangle?", a: "tome", budget: 40, positions: "original" },
  { seed: 89, question: "Is the star above the square?", a: "none", budget: 32, positions: "original" },
];

/** What the command line says of a situation, on wasm. */
async function told({ seed, question, a, budget, positions, variant }: Situation) {
  const folder = temporaryFolder();
  const [picture, out, dump] = ["scene.png", "out", "logits.safetensors"].map((name) => join(folder, name));
  const drawn = await nuwa("scene", "--seed", String(seed), "--out", picture);
  expect(drawn).toMatchObject({ code: 0, err: "" });
  const asked = await nuwa(
    ...["ask", picture, question, "--model", "weights/no-places", "--backend", "wasm", "--method", a],
    ...(a === "none" ? [] : ["--average", String(budget), "--positions", positions]),
    ...(variant === undefined ? [] : ["--variant", variant]),
    ...["--out", out, "--tap", "logits_last", "--dump", dump],
  );
  expect(asked).toMatchObject({ code: 0, err: "" });
  const run = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
  const file = openSafetensors(dump);
  // Of the prefill; the other decoding steps come behind it.
  const [first] = [...file.entries.keys()].filter((name) => name.includes("logits_last"));
  return { run, logits: [...readTensor(file, first).values] };
}

describe.skipIf(ADDRESS === "")(`the page and the command line${WITHOUT_PAGE}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it.each(SITUATIONS)("agree on scene $seed under $a with $positions positions", async (situation) => {
    const { run, logits } = await told(situation);
    const search = `?${new URLSearchParams({ ...situation } as unknown as Record<string, string>)}`;
    const { page, complaints } = await openPage(browser, search);
    const state = await settled(page);
    expect(complaints).toEqual([]);
    expect(state).toMatchObject({ seed: situation.seed, method: situation.a, positions: situation.positions });
    const tokens = run.visualTokens as { cell: number; position: number; firstLayer: number }[];
    expect(state.kept).toEqual(tokens.map(({ cell }) => cell));
    expect(state.ids).toEqual(tokens.map(({ position }) => position));
    expect(state.answer).toBe(run.answer);
    expect(state.box).toEqual(run.box ?? boxIn(run.answer));
    expect(state.logits.length).toBe(logits.length);
    const difference = Math.max(...state.logits.map((logit, i) => Math.abs(logit - logits[i])));
    expect(difference).toBeLessThan(1e-4);
    await page.close();
  });

  it("agree on what the page shows before its model has come", async () => {
    const { page } = await openPage(browser);
    const live = await settled(page);
    // The weights never come.
    const waiting = await browser.newPage();
    await waiting.route("**/*.safetensors", () => {});
    await waiting.goto(ADDRESS);
    const { logits: built, ...first } = await stateOf(waiting);
    const { logits, ...rest } = live;
    expect(first).toEqual(rest);
    expect(first.kept.length).toBeGreaterThan(0);
    // They came as 16-bit floats.
    for (const [i, logit] of built.entries()) expect(Math.abs(logit - logits[i])).toBeLessThan(0.02);
    await Promise.all([page.close(), waiting.close()]);
  });
});

/** The box that an answer writes. */
function boxIn(answer: string): number[] | undefined {
  const numbers = /^\[(.*)\]$/.exec(answer)?.[1].split(",").map(Number);
  return numbers?.length === 4 ? numbers : undefined;
}
