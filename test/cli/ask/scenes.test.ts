import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { sceneOf } from "../../../src/world/scene.ts";
import { nuwa, temporaryFolder } from "../support.ts";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
const [, image, question] = /^node bin\/nuwa\.js ask (\S+) "([^"]+)" --out out$/.exec(scripts.start) as RegExpExecArray;
const picture = join(PROJECT, image);
const lineOf = (out: string, label: string) => new RegExp(`^${label} +(.*)$`, "m").exec(out)?.[1] ?? "";

describe("nuwa ask on a picture of nuwa scene", () => {
  it("as npm start does: Nüwa's box holds at 1/9 and is visibly right, and the record says so", async () => {
    const out = join(temporaryFolder(), "run");
    const { code, out: text } = await nuwa("ask", picture, question, "--backend", "wasm", "--out", out);
    expect(code).toBe(0);
    expect(lineOf(text, "unpruned")).toMatch(/\((the answer held|the box held: .*)\)$/);
    expect(lineOf(text, "truth")).toMatch(/^\[0\.\d\d, .*\] \(scene 129 of test, grounding\)$/);
    expect(lineOf(text, "marked")).toMatch(/^nuwa right \(IoU 0\.9\d\), unpruned right \(IoU 0\.9\d\)$/);
    expect(text).not.toMatch(/^note/m);
    const { truth, explored } = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
    const [cross] = sceneOf("test", 129).shapes.filter(({ colour, shape }) => `${colour} ${shape}` === "purple cross");
    expect(truth).toMatchObject({ split: "test", seed: 129, family: "grounding", box: cross.box });
    expect(truth.marks.pruned).toMatchObject({ correct: true, centre: true });
    expect(truth.marks.unpruned.iou).toBeGreaterThan(0.9);
    expect(explored).toBeUndefined();
    expect(readFileSync(join(out, "picture.svg"), "utf8")).toContain("stroke-dasharray");
  });

  it("--explore finds the average at which a method that loses the box points at it again", async () => {
    const out = temporaryFolder();
    const argv = ["ask", picture, question, "--backend", "wasm", "--method", "visionzip"];
    const { out: text } = await nuwa(...argv, "--explore", "--out", out);
    expect(lineOf(text, "unpruned")).toMatch(/\(the box (moved|was lost): .*\)$/);
    expect(lineOf(text, "marked")).toMatch(/^visionzip wrong \(IoU 0\.[0-4]\d\), unpruned right/);
    const lines = text.split("\n").filter((line) => line.startsWith("explore "));
    expect(lines.at(-1)).toMatch(/^explore +the answer holds at --average (2\/9|1\/3)$/);
    const { explored } = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
    expect(lines).toHaveLength(explored.length + 1);
    expect(explored.at(-1)).toMatchObject({ holds: true, mark: { correct: true } });
    expect(existsSync(join(out, "picture.png"))).toBe(true);
  });

  it("refuses to explore where nothing is pruned", async () => {
    const { code, err, out } = await nuwa("ask", picture, question, "--method", "none", "--explore");
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^nuwa: --explore looks for more visual tokens: the method none keeps every one\. .*\n$/);
  });
});
