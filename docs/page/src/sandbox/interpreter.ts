import releaseSync from "@jitl/quickjs-wasmfile-release-sync";
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSWASMModule,
} from "quickjs-emscripten-core";
import { transform } from "sucrase";
import { NuwaError } from "../../../../src/core/errors.ts";

/**
 * How long one call of a program may take, in milliseconds. A pruner of cubic cost takes a tenth of it on the page's
 * grid.
 */
const CALL_LIMIT = 2000;
/** What a program and all its values may occupy, in bytes. */
const MEMORY_LIMIT = 32 * 2 ** 20;
const STACK_LIMIT = 256 * 1024;
/** Lines of `console.log` that are kept, and characters of each. */
const [PRINTED_LINES, PRINTED_LENGTH] = [20, 500];
/** The name of a program in its own errors. */
const FILE = "pruner";

/** A program that a reader wrote, ready to be called. */
export interface OpenProgram {
  /**
   * Calls the function that the program exports.
   *
   * @returns what it returned, as JSON has it
   * @throws NuwaError with the program's own error, its line, or the limit that it met
   */
  call(given: unknown): unknown;
  /** Whether a call was ended by the limit of time; every later call then fails at once. */
  readonly overdue: boolean;
  /** The last lines that `console.log` and its like were given, oldest first. */
  printed(): string[];
  dispose(): void;
}

/**
 * What runs programs of readers: QuickJS, an interpreter in WebAssembly. A program sees the language and nothing else:
 * no page, no worker, no network, no clock of the host but `Date`; and it cannot take more memory, stack or time than
 * it is given. In the browser's own engine a program that allocates without end takes the whole page down.
 */
export interface Interpreter {
  /**
   * Each program gets an interpreter of its own: what a program leaves behind is never met by another.
   *
   * @param program TypeScript or JavaScript whose default export is a function
   * @throws NuwaError with what is wrong with the program
   */
  open(program: string): Promise<OpenProgram>;
}

/**
 * Loads the interpreter.
 *
 * @param wasm its program
 */
export async function loadInterpreter(wasm: ArrayBuffer): Promise<Interpreter> {
  // The place of a file that is not read: its default cannot be made out in a worker that was started from memory.
  const locateFile = (name: string) => name;
  const wasmModule = await WebAssembly.compile(wasm);
  // What it says when it ends itself is told below.
  const emscriptenModule = { locateFile, printErr: () => {} };
  const begin = () => newQuickJSWASMModuleFromVariant(newVariant(releaseSync, { wasmModule, emscriptenModule }));
  return { open: async (program) => openProgram(await begin(), program) };
}

/** Takes the export; called with JSON, because values of the program stay inside. */
const CALLER = `
  var exports = {};
  const printed = ((stringify, String) => {
    const lines = [];
    const wordsOf = (value) => {
      if (typeof value === "string") return value;
      try {
        return stringify(value) ?? String(value);
      } catch {
        // A list that holds itself would be written without end.
        return typeof value === "object" ? "[object]" : String(value);
      }
    };
    const log = (...values) => {
      lines.push(values.map(wordsOf).join(" ").slice(0, ${PRINTED_LENGTH}));
      if (lines.length > ${PRINTED_LINES}) lines.shift();
    };
    globalThis.console = { log, debug: log, info: log, warn: log, error: log };
    return () => stringify(lines);
  })(JSON.stringify, String);
  function require() { throw new Error("a pruner imports nothing: it gets all that it may look at"); }
  const call = (({ parse, stringify }, { isView }, { from }, Promise) => (text) => {
    const returned = exports.default(parse(text));
    if (returned instanceof Promise) throw new Error("a pruner returns its patches at once: write it without async");
    return stringify(isView(returned) ? from(returned) : returned);
  })(JSON, ArrayBuffer, { from: Array.from.bind(Array) }, Promise);
  ({ call, printed });
`;

function openProgram(quickJs: QuickJSWASMModule, program: string): OpenProgram {
  const code = translated(program);
  const runtime = quickJs.newRuntime();
  runtime.setMemoryLimit(MEMORY_LIMIT);
  runtime.setMaxStackSize(STACK_LIMIT);
  let deadline = 0;
  let overdue = false;
  runtime.setInterruptHandler(() => {
    overdue ||= performance.now() > deadline;
    return overdue;
  });
  const context = runtime.newContext();
  const timed = (work: () => ReturnType<QuickJSContext["evalCode"]>): QuickJSHandle => {
    deadline = performance.now() + CALL_LIMIT;
    const found = guarded(work);
    if (!("error" in found && found.error)) return found.value as QuickJSHandle;
    const error: unknown = context.dump(found.error);
    found.error.dispose();
    throw new NuwaError(overdue ? OVERDUE : wordsOf(error));
  };
  const handles: QuickJSHandle[] = [];
  const held = (handle: QuickJSHandle) => {
    handles.push(handle);
    return handle;
  };
  const dispose = () => {
    try {
      for (const handle of handles) handle.dispose();
      context.dispose();
      runtime.dispose();
    } catch {
      // An error in the depth of a program may leave values behind, which this refuses. They go with the interpreter.
    }
  };
  try {
    const page = held(timed(() => context.evalCode(CALLER, "page")));
    for (const name of ["call", "printed"]) held(context.getProp(page, name));
    timed(() => context.evalCode(code, FILE)).dispose();
    const kind = timed(() => context.evalCode("typeof exports.default", "page"));
    const isFunction = context.getString(kind) === "function";
    kind.dispose();
    if (!isFunction) throw new NuwaError("the program exports no function. Begin it with: export default function");
  } catch (error) {
    dispose();
    throw error;
  }
  const [, caller, printer] = handles;
  return {
    call(given) {
      if (overdue) throw new NuwaError(OVERDUE);
      const text = context.newString(JSON.stringify(given));
      try {
        const returned = timed(() => context.callFunction(caller, context.undefined, text));
        const json: unknown = context.dump(returned);
        returned.dispose();
        return typeof json === "string" ? JSON.parse(json) : undefined;
      } finally {
        text.dispose();
      }
    },
    get overdue() {
      return overdue;
    },
    printed() {
      // A program that was stopped is called no more, and printing is the program's, too.
      if (overdue) return [];
      const lines = timed(() => context.callFunction(printer, context.undefined));
      const json: unknown = context.dump(lines);
      lines.dispose();
      const read: unknown = typeof json === "string" ? JSON.parse(json) : [];
      // A program may have changed how lists are written.
      return Array.isArray(read) ? read.filter((line) => typeof line === "string") : [];
    },
    dispose,
  };
}

const OVERDUE = `the program was stopped: it did not return within ${CALL_LIMIT / 1000} s. Does a loop never end?`;

/** Calls the interpreter. @throws NuwaError also where the interpreter itself ends */
function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new NuwaError(`the program ended its interpreter: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** TypeScript as JavaScript, line by line the same. */
function translated(program: string): string {
  try {
    return transform(program, { transforms: ["typescript", "imports"] }).code;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const [, words = text, line] = /^(?:Error transforming[^:]*: )?(.*?) \((\d+):\d+\)/.exec(text) ?? [];
    throw new NuwaError(line === undefined ? words : `line ${line}: ${words}`);
  }
}

/** An error of a program in a line. */
function wordsOf(error: unknown): string {
  const { name, message, stack } = (error ?? {}) as { name?: unknown; message?: unknown; stack?: unknown };
  if (typeof message !== "string") return `the program threw ${shortly(error)}`;
  if (message === "out of memory") return `the program was stopped: it took more than ${MEMORY_LIMIT / 2 ** 20} MiB.`;
  const [, line] = new RegExp(`\\b${FILE}:(\\d+)`).exec(String(stack ?? "")) ?? [];
  const words = typeof name !== "string" || name === "Error" ? message : `${name}: ${message}`;
  return `${line === undefined ? "" : `line ${line}: `}${words.slice(0, 300)}`;
}

/** A value that was thrown and is no error. */
function shortly(value: unknown): string {
  return (typeof value === "object" ? JSON.stringify(value) : String(value)).slice(0, 200);
}
