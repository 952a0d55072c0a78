import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const PAGE = fileURLToPath(new URL("../../docs/page", import.meta.url));
const WASM = `${PAGE}/node_modules/@jitl/quickjs-wasmfile-release-sync/dist/emscripten-module.wasm`;

/** What the test uses of `Interpreter`, whose file is typed with the page's packages. */
interface Interpreter {
  open(program: string): {
    call(given: unknown): unknown;
    readonly overdue: boolean;
    printed(): string[];
    dispose(): void;
  };
}

// The packages of the page are installed by `npm run page:build`.
describe.skipIf(!existsSync(WASM))("the interpreter of readers' programs", () => {
  let interpreter: Interpreter;
  beforeAll(async () => {
    const { loadInterpreter } = await import(`${PAGE}/src/sandbox/interpreter.ts`);
    interpreter = await loadInterpreter(Uint8Array.from(readFileSync(WASM)).buffer);
  });

  function called(program: string, given: unknown = {}): unknown {
    const opened = interpreter.open(program);
    try {
      return opened.call(given);
    } finally {
      opened.dispose();
    }
  }

  it("runs TypeScript and takes lists and typed arrays", () => {
    expect(called("export default ({ keep }: { keep: number }): number[] => [keep, 2];", { keep: 4 })).toEqual([4, 2]);
    expect(called("export default () => new Uint8Array([3, 1]);")).toEqual([3, 1]);
  });

  it("names the line of an error", () => {
    expect(() => called("export default () => {\n  return nothing.here;\n}")).toThrow(/^line 2: ReferenceError/);
    expect(() => called("\nconst a = ;")).toThrow(/^line 2: Unexpected token/);
    expect(() => called("export default () => f();\nfunction f() { return f() + 1; }")).toThrow(/stack overflow/);
    expect(() => called("const a = 1;")).toThrow("the program exports no function. Begin it with: export default");
  });

  it("keeps the last lines that a program prints, where it fails, too", () => {
    const opened = interpreter.open(`
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

  it("ends what never ends, even where the program catches everything, and then calls it no more", () => {
    const opened = interpreter.open("export default () => { try { for (;;); } finally { return [1]; } };");
    expect(() => opened.call({})).toThrow(/did not return within 2 s/);
    expect(opened.overdue).toBe(true);
    const started = performance.now();
    expect(() => opened.call({})).toThrow(/did not return within 2 s/);
    expect(performance.now() - started).toBeLessThan(500);
    opened.dispose();
  });

  it("ends what takes too much memory", () => {
    const program = "export default () => { let all = [1]; for (;;) all = all.concat(all); };";
    expect(() => called(program)).toThrow("the program was stopped: it took more than 32 MiB.");
  });

  it("shows a program neither a network nor anything else of its host", () => {
    const names = called("export default () => Object.getOwnPropertyNames(globalThis);") as string[];
    for (const name of ["fetch", "XMLHttpRequest", "WebSocket", "importScripts", "postMessage", "self", "process"])
      expect(names).not.toContain(name);
    expect(names).toContain("Math");
    expect(() => called("import x from 'fs';\nexport default () => x;")).toThrow(/a pruner imports nothing/);
  });
});
