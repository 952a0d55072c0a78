import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { NuwaError } from "../../src/core/errors.ts";
import { partName } from "../../src/io/leftovers.ts";
import { whileLocked } from "../../src/io/lock.ts";
import { listing, temporaryFolder } from "../cli/support.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

const children: ChildProcess[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/**
 * A process that holds the lock of a folder until it is ended, or is told to exit; `more` is code that it runs then.
 */
async function holder(folder: string, more = ""): Promise<ChildProcess> {
  const code = `
    import { whileLocked } from "./src/io/lock.ts";
    await whileLocked(${JSON.stringify(folder)}, async () => {
      process.once("SIGUSR2", () => process.exit(130));
      ${more}
      process.stdout.write("locked");
      await new Promise((done) => setTimeout(done, 60_000));
    });`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
    cwd: PROJECT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  await once(child.stdout as NodeJS.ReadableStream, "data");
  return child;
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, "exit");
  child.kill(signal);
  expect(await exit).toEqual([null, signal]);
}

const lockIn = (folder: string) => join(folder, "nuwa.lock");
const leave = (folder: string, pid: number, host = hostname()) =>
  writeFileSync(lockIn(folder), JSON.stringify({ pid, host }));
const works = async (folder: string) => expect(await whileLocked(folder, async () => 7)).toBe(7);

describe("a folder's lock", () => {
  it("is there while work is done, names the process, and is gone afterwards, also after an error", async () => {
    const folder = join(temporaryFolder(), "new", "folder");
    const listeners = process.listenerCount("SIGINT");
    await whileLocked(folder, async () => {
      expect(JSON.parse(readFileSync(lockIn(folder), "utf8"))).toMatchObject({ pid: process.pid, host: hostname() });
    });
    expect(existsSync(lockIn(folder))).toBe(false);
    const failing = whileLocked(folder, () => Promise.reject(new Error("out of work")));
    await expect(failing).rejects.toThrow("out of work");
    expect(existsSync(lockIn(folder))).toBe(false);
    expect(process.listenerCount("SIGINT")).toBe(listeners);
  });

  it("is refused to others in one line that names the folder, the process and the remedy", async () => {
    const folder = temporaryFolder();
    const child = await holder(folder);
    const refused = whileLocked(folder, async () => expect.fail("did work in a locked folder"));
    await expect(refused).rejects.toThrow(NuwaError);
    await expect(refused).rejects.toThrow(
      `${folder}: process ${child.pid} is writing there. Wait for its end or give another folder; if it is no ` +
        `longer running, remove ${lockIn(folder)}.`,
    );
    expect(existsSync(lockIn(folder))).toBe(true);
  });

  it("is refused to the process itself, by whatever name of the folder, but not to the work that holds it", async () => {
    const folder = temporaryFolder();
    const other = join(temporaryFolder(), "link");
    symlinkSync(folder, other);
    let end: () => void = () => undefined;
    const first = whileLocked(folder, async () => {
      await whileLocked(other, async () => expect(listing(folder)).toEqual(["nuwa.lock"]));
      expect(existsSync(lockIn(folder))).toBe(true);
      await new Promise<void>((done) => {
        end = done;
      });
    });
    await new Promise((done) => setTimeout(done, 10));
    for (const name of [folder, other])
      await expect(whileLocked(name, async () => undefined)).rejects.toThrow(`process ${process.pid} is writing`);
    end();
    await first;
    expect(listing(folder)).toEqual([]);
  });

  it("is refused to another thread of the process", async () => {
    const folder = temporaryFolder();
    await whileLocked(folder, async () => {
      const lock = new URL("../../src/io/lock.ts", import.meta.url).href;
      const code = `import("tsx/esm/api").then(({ register }) => { register(); return import(${JSON.stringify(lock)}); })
        .then(({ whileLocked }) => whileLocked(${JSON.stringify(folder)}, async () => "worked"))
        .catch(({ message }) => message)
        .then((said) => require("node:worker_threads").parentPort.postMessage(said));`;
      const worker = new Worker(code, { eval: true });
      const [said] = await once(worker, "message");
      expect(said).toContain(`process ${process.pid} is writing there.`);
      await worker.terminate();
    });
  });

  it("holds several folders, and Ctrl-C gives all of them free", async () => {
    const folders = Array.from({ length: 12 }, temporaryFolder);
    const warnings: Error[] = [];
    process.once("warning", (warning) => warnings.push(warning));
    await Promise.all(folders.map((folder) => whileLocked(folder, () => new Promise((done) => setTimeout(done, 20)))));
    expect(warnings).toEqual([]);
    const [one, two] = folders;
    const more = `whileLocked(${JSON.stringify(two)}, () => new Promise(() => undefined));
      await new Promise((done) => setTimeout(done, 20));`;
    await ended(await holder(one, more), "SIGINT");
    expect([one, two].map((folder) => existsSync(lockIn(folder)))).toEqual([false, false]);
  });

  it("leaves no empty folder behind that it made", async () => {
    const folder = temporaryFolder();
    await expect(whileLocked(join(folder, "a", "b"), () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(listing(folder)).toEqual([]);
    await whileLocked(join(folder, "a", "b"), async () => writeFileSync(join(folder, "a", "b", "file"), ""));
    expect(listing(join(folder, "a"))).toEqual(["b"]);
  });

  it("removes what killed processes left unfinished, and no other's", async () => {
    const folder = temporaryFolder();
    const own = partName();
    const [pid, started] = own.split("-").slice(1);
    const named = (process: string) => own.replace(`-${pid}-${started}-`, `-${process}-`);
    const left = [named("2147483646-5"), named(`${pid}-1`), named("2147483646-x")];
    // Whether a process of another machine still runs we cannot know: only what is older than a day is taken for left.
    const foreign = (process: string) => named(process).replace(/-[0-9a-f]{8}-/, "-0badf00d-");
    const [old, younger] = [foreign("2147483646-6"), foreign("2147483646-8")];
    const stay = [
      own,
      named(`${process.ppid}-x`),
      "2147483646.part",
      foreign(`${pid}-${started}`),
      foreign("2147483646-5"),
      younger,
    ];
    for (const name of [...left, ...stay, old]) writeFileSync(join(folder, name), "half");
    utimesSync(join(folder, old), 0, Date.now() / 1000 - 25 * 3600);
    utimesSync(join(folder, younger), 0, Date.now() / 1000 - 23 * 3600);
    mkdirSync(join(folder, named("2147483646-7")));
    await works(folder);
    expect(listing(folder)).toEqual([named("2147483646-7"), ...stay].sort());
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("is removed by %s, which ends the process", async (signal) => {
    const folder = temporaryFolder();
    await ended(await holder(folder), signal);
    expect(existsSync(lockIn(folder))).toBe(false);
  });

  it("stays where another listener sees to an end in good order", async () => {
    const folder = temporaryFolder();
    const look = `process.stdout.write(String(fs.existsSync(${JSON.stringify(lockIn(folder))})))`;
    const child = await holder(folder, `const fs = await import("node:fs"); process.on("SIGINT", () => ${look});`);
    const said = once(child.stdout as NodeJS.ReadableStream, "data");
    child.kill("SIGINT");
    expect(String(await said)).toBe("true");
  });

  it("is removed when the process exits in the middle of its work", async () => {
    const folder = temporaryFolder();
    const child = await holder(folder);
    const exit = once(child, "exit");
    child.kill("SIGUSR2");
    expect(await exit).toEqual([130, null]);
    expect(existsSync(lockIn(folder))).toBe(false);
  });

  it("left by a process that was killed is taken over", async () => {
    const folder = temporaryFolder();
    await ended(await holder(folder), "SIGKILL");
    expect(existsSync(lockIn(folder))).toBe(true);
    await works(folder);
    expect(existsSync(lockIn(folder))).toBe(false);
  });

  it("left by a process that had our number, as in a container that was started again, is taken over", async () => {
    const folder = temporaryFolder();
    leave(folder, process.pid);
    await works(folder);
  });

  it("of a process that we may not signal is heeded: it runs", async () => {
    const folder = temporaryFolder();
    leave(folder, 1);
    vi.spyOn(process, "kill").mockImplementation(() => {
      throw Object.assign(new Error("not permitted"), { code: "EPERM" });
    });
    await expect(whileLocked(folder, async () => undefined)).rejects.toThrow("process 1 is writing there");
    expect(existsSync(lockIn(folder))).toBe(true);
  });

  it("that another process took over while we looked at the one before is put back", async () => {
    const folder = temporaryFolder();
    leave(folder, 1);
    // The holder is asked after between reading its name and setting the lock aside.
    vi.spyOn(process, "kill").mockImplementation(() => {
      leave(folder, 2, "far-away");
      throw Object.assign(new Error("no such process"), { code: "ESRCH" });
    });
    await expect(whileLocked(folder, async () => undefined)).rejects.toThrow("process 2 on far-away is writing there");
    expect(JSON.parse(readFileSync(lockIn(folder), "utf8"))).toEqual({ pid: 2, host: "far-away" });
    expect(listing(folder)).toEqual(["nuwa.lock"]);
  });

  it.each<[string, (path: string, beside: string) => void]>([
    ["a link to nowhere", (path) => symlinkSync(`${path}-nowhere`, path)],
    [
      "a link to a stale one",
      (path, beside) => {
        leave(beside, 2147483646);
        symlinkSync(lockIn(beside), path);
      },
    ],
    ["a folder", (path) => mkdirSync(path)],
    ["a pipe", (path) => void spawnSync("mkfifo", [path])],
    ["huge", (path) => writeFileSync(path, " ".repeat(2000))],
  ])("that is %s is no lock: it is said in a line, and left alone", async (_, plant) => {
    const [folder, beside] = [temporaryFolder(), temporaryFolder()];
    plant(lockIn(folder), beside);
    const refused = whileLocked(folder, async () => expect.fail("did work without a lock"));
    await expect(refused).rejects.toThrow(NuwaError);
    await expect(refused).rejects.toThrow(
      `${lockIn(folder)}: is no lock of this program. Remove it, or give another folder.`,
    );
    expect(readdirSync(folder)).toEqual(["nuwa.lock"]);
  });

  it.each(["{", '{"pid":-1,"host":"x"}', `{"pid":1e300,"host":"${hostname()}"}`, '{"pid":1}', "\0"])(
    "that says %j does not say whose it is, and is left alone",
    async (text) => {
      const folder = temporaryFolder();
      writeFileSync(lockIn(folder), text);
      const past = Date.now() / 1000 - 60;
      utimesSync(lockIn(folder), past, past);
      await expect(whileLocked(folder, async () => undefined)).rejects.toThrow(/does not say who is writing there/);
      expect(readFileSync(lockIn(folder), "utf8")).toBe(text);
    },
  );

  it("of a process whose number another one has now is taken over", async () => {
    const folder = temporaryFolder();
    leave(folder, process.ppid);
    await expect(whileLocked(folder, async () => undefined)).rejects.toThrow(`process ${process.ppid} is writing`);
    writeFileSync(lockIn(folder), JSON.stringify({ pid: process.ppid, host: hostname(), started: 1 }));
    await works(folder);
  });

  it("of another machine is never taken over", async () => {
    const folder = temporaryFolder();
    leave(folder, process.pid, "far-away");
    await expect(whileLocked(folder, async () => undefined)).rejects.toThrow(
      `process ${process.pid} on far-away is writing there.`,
    );
  });

  it("that says nothing is somebody's for some seconds, and then what a full disk left", async () => {
    const folder = temporaryFolder();
    writeFileSync(lockIn(folder), "");
    await expect(whileLocked(folder, async () => undefined)).rejects.toThrow("another process is writing there");
    const past = Date.now() / 1000 - 60;
    utimesSync(lockIn(folder), past, past);
    await works(folder);
  });

  it("that another process took after it was removed by hand is left to it", async () => {
    const folder = temporaryFolder();
    await whileLocked(folder, async () => leave(folder, 1, "far-away"));
    expect(existsSync(lockIn(folder))).toBe(true);
  });

  it("that cannot be made is said in a line", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    await expect(whileLocked(join(folder, "file"), async () => undefined)).rejects.toThrow(NuwaError);
  });
});

it("is heeded by the script that measures the tables", () => {
  const folder = temporaryFolder();
  leave(folder, process.pid);
  // As many scenes as take far longer than it may run, so that it writes no tables where it does not heed.
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx", join(PROJECT, "scripts/tables.ts"), "--out", folder, "--limit", "1000"],
    { cwd: PROJECT, encoding: "utf8", timeout: 60_000 },
  );
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^tables: .*is writing there\. .*\n$/)]);
  expect(listing(folder)).toEqual(["nuwa.lock"]);
}, 90_000);
