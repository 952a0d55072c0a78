import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { internalError } from "../../src/cli/internal-error.ts";
import { type Compiled, compiled, inProcess, NUWA } from "../compiled.ts";
import { temporaryFolder } from "./support.ts";

let programs: Compiled;
beforeAll(async () => {
  programs = await compiled({ nuwa: NUWA, faulty: "test/cli/faulty.ts" });
});
afterAll(() => programs.remove());

describe("what nobody caught", () => {
  it("is a line, and says whether it is the system's or a mistake of the program", () => {
    const line = (error: unknown) => internalError(error).message;
    expect(line(new TypeError("x is\n  undefined\u001b[2J"))).toBe(
      "internal error: x is undefined\\x1b[2J (this is a bug; please report it with the command)",
    );
    expect(line(Symbol("odd"))).toMatch(/^internal error: Symbol\(odd\)/);
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), {
      code: "ENOSPC",
      syscall: "write",
    });
    expect(line(full)).toBe(
      "ENOSPC: no space left on device, write. Check the disk, and the rights of files and folders.",
    );
  });

  it("in a timer or a promise ends the program with the line and code 1, and frees its folders", async () => {
    const folder = temporaryFolder();
    for (const fault of ["timer", "promise"]) {
      expect(await inProcess(programs.files.faulty, fault, folder)).toMatchObject({
        code: 1,
        err: "nuwa: internal error: late (this is a bug; please report it with the command)\n",
      });
      expect(existsSync(join(folder, "nuwa.lock"))).toBe(false);
    }
  });
});

describe("an output", () => {
  it("that nobody reads any more, or that is full, ends the program without a stack trace", async () => {
    const program = [programs.files.nuwa, "taps"];
    const reader = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "pipe"] });
    reader.stdout.destroy();
    let said = "";
    reader.stderr.on("data", (text) => {
      said += text;
    });
    expect([await once(reader, "close"), said]).toEqual([[0, null], ""]);
    if (!existsSync("/dev/full")) return;
    const full = spawnSync("sh", ["-c", '"$0" "$@" > /dev/full', process.execPath, ...program], { encoding: "utf8" });
    expect([full.status, full.stderr]).toEqual([
      1,
      "nuwa: the output cannot be written (ENOSPC). Check the free space where it goes.\n",
    ]);
  });
});
