/** Run by process.test.ts as a process of its own: holds a folder and makes a mistake that nobody catches. */
import { runProcess } from "../../src/cli/process.ts";
import { whileLocked } from "../../src/io/lock.ts";

const [fault, folder] = process.argv.slice(2);
await runProcess(["--version"]);
whileLocked(folder, () => new Promise(() => setInterval(() => undefined, 1000)));
if (fault === "timer")
  setTimeout(() => {
    throw new Error("late");
  });
else Promise.reject("late");
