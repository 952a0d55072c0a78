import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { filesIn, requireApart } from "../../src/cli/apart.ts";
import { UsageError } from "../../src/core/errors.ts";
import { nuwa, temporaryFolder } from "./support.ts";

describe("what is written", () => {
  const folder = temporaryFolder();
  const [file, link, away] = ["file", "link", "away"].map((name) => join(folder, name));
  writeFileSync(file, "mine");
  symlinkSync(file, link);
  mkdirSync(join(folder, "sub"));
  symlinkSync(join(folder, "sub"), away);

  it.each<[string, string, string]>([
    ["the same path", file, file],
    ["another spelling of it", join(folder, "sub", "..", "file"), file],
    ["a link to it", file, link],
    ["a new file below a link", join(away, "new", "a"), join(folder, "sub", "new", "a")],
  ])("is not what is read, nor another output: %s", (_, one, other) => {
    const message = /^--report and (the image|--dump) name the same file\. Give each one of its own\.$/;
    expect(() => requireApart([["--report", one]], [["the image", other]])).toThrow(message);
    expect(() =>
      requireApart(
        [
          ["--dump", other],
          ["--report", one],
        ],
        [],
      ),
    ).toThrow(UsageError);
  });

  it("may stand beside others; what is not given is nowhere, and two may be read from one file", () => {
    const read = [
      ["the image", file],
      ["--source", file],
    ] as const;
    expect(() =>
      requireApart([["--report", join(folder, "other")], ["--dump", undefined], ...filesIn(undefined, ["a"])], read),
    ).not.toThrow();
  });

  it("in a folder has the folder's name and its own", () => {
    const [whole, first] = filesIn(folder, ["flow.json"]);
    expect(whole).toEqual(["--out", folder]);
    expect(first).toEqual(["flow.json in --out", join(folder, "flow.json")]);
    expect(filesIn("", ["a"])).toEqual([]);
  });
});

describe.each<[string, string[], string]>([
  ["ask", ["--report", "@/p.png"], "--report and the image"],
  ["ask", ["--out", "@"], "picture.png in --out and the image"],
  ["ask", ["--report", "@/x", "--dump-inputs", "@/x"], "--report and --dump-inputs"],
  ["ask", ["--report", "@/x", "--dump", "@/x", "--tap", "logits_last"], "--report and --dump"],
  ["compare", ["--methods", "nuwa,random", "--report", "@/p.png"], "--report and the image"],
  [
    "compare",
    ["--methods", "nuwa,random", "--report", "@/compare.png", "--out", "@"],
    "compare.png in --out and --report",
  ],
  ["inspect", ["--measure", "flow", "--report", "@/p.png"], "--report and the image"],
  ["inspect", ["--measure", "flow", "--dump", "@/flow.json", "--out", "@"], "flow.json in --out and --dump"],
])("nuwa %s %j", (command, options, what) => {
  it("is refused before anything is read, and what is there stays", async () => {
    const folder = temporaryFolder();
    const image = join(folder, options.includes("@") && command === "ask" ? "picture.png" : "p.png");
    writeFileSync(image, "mine");
    const { code, err } = await nuwa(command, image, "Why?", ...options.map((one) => one.replace("@", folder)));
    expect([code, err]).toEqual([2, `nuwa: ${what} name the same file. Give each one of its own.\n`]);
    expect(readFileSync(image, "utf8")).toBe("mine");
  });
});
