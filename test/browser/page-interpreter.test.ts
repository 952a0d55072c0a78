import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const PAGE = fileURLToPath(new URL("../../docs/page", import.meta.url));
const WASM = `${PAGE}/node_modules/@jitl/quickjs-wasmfile-release-sync/dist/emscripten-module.wasm`;

/** What the test uses of `Interpreter`, whose file is typed with the page's packages. */
interface Interpreter {
  open(program: string): Promise<{
    call(given: unknown): unknown;
    readonly overdue: boolean;
    printed(): string[];
    dispose(): void;
  }>;
}

// The packages of the page are installed by `npm run page:build`.
describe.skipIf(!existsSync(WASM))("the interpreter of readers' programs", () => {
  let interpreter: Interpreter;
  beforeAll(async () => {
    const { loadInterpreter } = await import(`${PAGE}/src/sandbox/interpreter.ts`);
    interpreter = await loadInterpreter(Uint8Array.from(readFileSync(WASM)).buffer);
  });

  async function called(program: string, given: unknown = {}): Promise<unknown> {
    const opened = await interpreter.open(program);
    try {
      return opened.call(given);
    } finally {
      opened.dispose();
    }
  }

  it("runs TypeScript and takes lists and typed arrays", async () => {
    expect(await called("export default ({ keep }: { keep: number }): number[] => [keep, 2];", { keep: 4 })).toEqual([
      4, 2,
    ]);
    expect(await called("export default () => new Uint8Array([3, 1]);")).toEqual([3, 1]);
  });

  it("names the line of an error", async () => {
    await expect(called("export default () => {\n  return nothing.here;\n}")).rejects.toThrow(
      /^line 2: ReferenceError/,
    );
    await expect(called("\nconst a = ;")).rejects.toThrow(/^line 2: Unexpected token/);
    await expect(called("export default () => f();\nfunction f() { return f() + 1; }")).rejects.toThrow(
      /stack overflow/,
    );
    await expect(called("const a = 1;")).rejects.toThrow(
      "the program exports no function. Begin it with: export default",
    );
  });

  it("gives the program's own error where it recurses without end, however often", async () => {
    const program = "export default function f() { return f() + 1; }";
    for (let i = 0; i < 40; i++) await expect(called(program)).rejects.toThrow(/InternalError: stack overflow/);
    expect(await called("export default () => [1];")).toEqual([1]);
  });

  it("prints and throws whatever a program gives it, and lets it change nothing of the page", async () => {
    const opened = await interpreter.open(`
const own: unknown[] = [];
own.push(own);
export default () => {
  console.debug(10n, own);
  Array.prototype.toJSON = () => "[1]";
  globalThis.__printed = () => 4;
  throw { message: 42 };
};`);
    expect(() => opened.call({})).toThrow('the program threw {"message":42}');
    expect(opened.printed()).toEqual([]);
    opened.dispose();
    const tame = await interpreter.open("export default () => { console.log(10n, 1); return [2]; };");
    expect(tame.call({})).toEqual([2]);
    expect(tame.printed()).toEqual(["10 1"]);
    tame.dispose();
  });

  it("keeps the last lines that a program prints, where it fails, too", async () => {
    const opened = await interpreter.open(`
export default () => {
  for (let i = 0; i < 30; i++) console.log("line", i, [i, { a: undefined }]);
  console.warn(undefined, "x".repeat(1000));
  throw new Error("on purpose");
};`);
    expect(() => opened.call({})).toThrow(/on purpose/);
    const lines = opened.printed();
    opened.dispose();
    expect(lines).toHaveLength(20);
    expect(lines[0]).toBe("line 11 [11,{}]");
    expect(lines[19]).toBe(`undefined ${"x".repeat(490)}`);
  });

  it("ends what never ends, even where the program catches everything, and then calls it no more", async () => {
    const opened = await interpreter.open("export default () => { try { for (;;); } finally { return [1]; } };");
    expect(() => opened.call({})).toThrow(/did not return within 2 s/);
    expect(opened.overdue).toBe(true);
    const started = performance.now();
    expect(() => opened.call({})).toThrow(/did not return within 2 s/);
    expect(performance.now() - started).toBeLessThan(500);
    opened.dispose();
  });

  it("ends what takes too much memory", async () => {
    const program = "export default () => { let all = [1]; for (;;) all = all.concat(all); };";
    await expect(called(program)).rejects.toThrow("the program was stopped: it took more than 32 MiB.");
  });

  it("shows a program neither a network nor anything else of its host", async () => {
    const names = (await called("export default () => Object.getOwnPropertyNames(globalThis);")) as string[];
    for (const name of ["fetch", "XMLHttpRequest", "WebSocket", "importScripts", "postMessage", "self", "process"])
      expect(names).not.toContain(name);
    expect(names).toContain("Math");
    await expect(called("import x from 'fs';\nexport default () => x;")).rejects.toThrow(/a pruner imports nothing/);
  });
});
