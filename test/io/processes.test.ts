import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isGone, THIS_PROCESS } from "../../src/io/processes.ts";

describe("whether a process is gone", () => {
  it("is known of this machine's, by number and start, and of no other's", () => {
    expect(isGone(THIS_PROCESS)).not.toBe(true);
    expect(isGone({ ...THIS_PROCESS, pid: 2147483646 })).toBe(true);
    expect(isGone({ ...THIS_PROCESS, pid: 2147483646, host: `not-${THIS_PROCESS.host}` })).toBeUndefined();
    expect(isGone({ pid: process.pid, host: THIS_PROCESS.host })).toBeUndefined();
    expect(isGone({ pid: process.ppid, host: THIS_PROCESS.host })).toBe(false);
  });

  it.runIf(existsSync("/proc/self/stat"))("does not wait for its parent to ask for it", async () => {
    // The child ends at once; its parent has become a program that never asks for it.
    const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const [said] = await once(parent.stdout, "data");
      const pid = Number(said);
      await expect.poll(() => isGone({ pid, host: THIS_PROCESS.host })).toBe(true);
      // It has its number still.
      expect(process.kill(pid, 0)).toBe(true);
    } finally {
      parent.kill("SIGKILL");
    }
  });
});
