import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SOURCE = fileURLToPath(new URL("../src", import.meta.url));

/** The rooms of docs/architecture.md, in its order: a room may import those before it. */
const ROOMS = readFileSync(new URL("../docs/architecture.md", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => /^\| `/.test(line))
  .map((line) => [...line.split("|")[1].matchAll(/`([a-z]+)\/?`/g)].map((match) => match[1]));

const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
const importsOf = (file: string) =>
  [...readFileSync(join(SOURCE, file), "utf8").matchAll(/from "(\.[^"]+)"|import\("(\.[^"]+)"\)/g)].map((match) =>
    relative(SOURCE, join(SOURCE, dirname(file), match[1] ?? match[2])),
  );
const roomOf = (file: string) => ROOMS.findIndex((names) => names.includes(file.split("/")[0].replace(/\.ts$/, "")));

describe("the sources", () => {
  it("lie in the rooms that docs/architecture.md lists", () => {
    expect(files.filter((file) => file !== "index.ts" && roomOf(file) < 0)).toEqual([]);
  });

  it("import only from their own room and those listed before it", () => {
    const upward = files
      .filter((file) => file !== "index.ts")
      .flatMap((file) =>
        importsOf(file)
          .filter((other) => roomOf(other) > roomOf(file))
          .map((other) => `${file} → ${other}`),
      );
    expect(upward).toEqual([]);
  });

  it("have no circular imports", () => {
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]) => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      if (path.includes(file) || done.has(file)) return;
      for (const other of importsOf(file)) visit(other, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it("have at most about 250 lines each", () => {
    const long = files
      .map((file) => [file, readFileSync(join(SOURCE, file), "utf8").split("\n").length] as const)
      .filter(([, lines]) => lines > 260);
    expect(long).toEqual([]);
  });
});
