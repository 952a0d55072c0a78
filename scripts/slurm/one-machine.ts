import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { NuwaError } from "../../src/core/errors.ts";
import { configurationOf, confOf, NODES, type NodeName, socketOf, spoolOf, stateOf } from "./configuration.ts";
import { endIn, outputOf, runningIn, startIn, waitFor } from "./processes.ts";

/** What must be installed: the program, and Debian's package that it is in. */
const PROGRAMS = [
  ...["slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "sinfo"].map((name) => [name, "slurm-wlm"]),
  ...[
    ["munged", "munge"],
    ["unshare", "util-linux"],
  ],
] as const;

/** Longest path of a socket, bytes. Source: unix(7). */
const LONGEST_SOCKET = 107;

/** Seconds in which all that is started must be there. */
const STARTED = 60;

/** What is missing on this machine, in one line; undefined where nothing is. */
export function missing(): string | undefined {
  if (process.platform !== "linux") return "Slurm runs on Linux only.";
  const folders = `${process.env.PATH}${delimiter}/usr/sbin`.split(delimiter);
  const absent = PROGRAMS.filter(([name]) => !folders.some((folder) => isExecutable(join(folder, name))));
  const packages = [...new Set(absent.map(([, from]) => from))].join(" ");
  if (absent.length > 0)
    return `${absent.map(([name]) => name).join(", ")} not found. On Debian, as root: apt-get install ${packages}`;
  if (process.getuid?.() !== 0) return "must run as root: Slurm starts tasks for users, and each node has a host name.";
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts munged, the controller and the nodes, and waits until all nodes can take tasks. Nothing of an installed Slurm
 * is used but its programs: key, socket, ports and files are this one's own.
 *
 * @param folder absolute path; a folder of an earlier Slurm of this script is made anew
 * @throws NuwaError when something is missing, runs there already, or does not start
 */
export async function startSlurm(folder: string): Promise<void> {
  const absent = missing();
  if (absent !== undefined) throw new NuwaError(absent);
  if (Buffer.byteLength(socketOf(folder)) > LONGEST_SOCKET)
    throw new NuwaError(`${folder} is too long a path for a socket. Take a shorter one.`);
  if (namesIn().some((name) => runningIn(folder, name) !== undefined))
    throw new NuwaError(`a Slurm runs in ${folder} already. Stop it first: npm run slurm -- stop`);
  if (existsSync(folder) && readdirSync(folder).length > 0 && !existsSync(confOf(folder)))
    throw new NuwaError(`${folder} holds other files. Name a folder that is empty or new.`);
  const [controller, ...nodes] = await freePorts(1 + NODES.length);
  rmSync(folder, { recursive: true, force: true });
  for (const one of [folder, stateOf(folder), ...NODES.map((node) => spoolOf(folder, node))])
    mkdirSync(one, { recursive: true, mode: 0o755 });
  writeFileSync(join(folder, "munge.key"), randomBytes(128), { mode: 0o600 });
  writeFileSync(confOf(folder), configurationOf({ folder, ports: { controller, nodes } }));
  try {
    startIn(folder, "munged", ["/usr/sbin/munged", "--foreground", ...mungeOptions(folder)]);
    await waitFor("munged", STARTED, () => existsSync(socketOf(folder)), lastLineOf(folder, "munged"));
    startIn(folder, "slurmctld", ["slurmctld", "-D", "-f", confOf(folder)]);
    for (const node of NODES) startNode(folder, node);
    await waitForNodes(folder, NODES);
  } catch (error) {
    await stopSlurm(folder);
    throw error;
  }
}

const namesIn = () => ["munged", "slurmctld", ...NODES];

function mungeOptions(folder: string): string[] {
  const files = {
    "key-file": "munge.key",
    "pid-file": "munged.pid",
    "log-file": "munged.log",
    "seed-file": "munge.seed",
  };
  const options = Object.entries(files).map(([option, file]) => `--${option}=${join(folder, file)}`);
  return [...options, `--socket=${socketOf(folder)}`];
}

/**
 * Starts a node: slurmd with a host name and process numbers of its own, as on another machine. So the lock of a task
 * there is one of another host.
 */
export function startNode(folder: string, node: NodeName): void {
  const slurmd = `hostname ${node} && exec slurmd -D -N ${node} -f "$0"`;
  const apart = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"];
  startIn(folder, node, [...apart, "sh", "-c", slurmd, confOf(folder)]);
}

/** Kills a node and all that runs on it at once, as a machine that loses power. */
export async function killNode(folder: string, node: NodeName): Promise<void> {
  await endIn(folder, node, "SIGKILL");
}

/** Waits until nodes can take tasks. */
export async function waitForNodes(folder: string, nodes: readonly NodeName[]): Promise<void> {
  const states = () => slurm(folder, "sinfo", "--noheader", "--Node", "--format=%N %T");
  const ready = () => nodes.every((node) => new RegExp(`^${node} (idle|mixed|allocated)$`, "m").test(states()));
  await waitFor(nodes.join(", "), STARTED, ready, ` See the files *.log and *.out in ${folder}.`);
}

/** Ends all that {@link startSlurm} started. Its folder stays, with the logs. */
export async function stopSlurm(folder: string): Promise<void> {
  for (const node of NODES) await endIn(folder, node, "SIGKILL");
  await endIn(folder, "slurmctld", "SIGTERM");
  await endIn(folder, "munged", "SIGTERM");
}

/**
 * What a command of Slurm prints.
 *
 * @throws NuwaError when it fails, with its last line
 */
export function slurm(folder: string, command: string, ...options: string[]): string {
  const env = { ...process.env, SLURM_CONF: confOf(folder) };
  const { status, stdout, stderr } = spawnSync(command, options, { env, encoding: "utf8" });
  // While the controller starts there is no answer.
  if (status !== 0 && command === "sinfo") return "";
  if (status !== 0) throw new NuwaError(`${command} ended with ${status}: ${stderr.trim().split("\n").at(-1)}`);
  return stdout;
}

function lastLineOf(folder: string, name: string): string {
  const file = outputOf(folder, name);
  return existsSync(file) ? ` ${readFileSync(file, "utf8").trim().split("\n").at(-1)}` : "";
}

/** Ports that nothing listens to now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
