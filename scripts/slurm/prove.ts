import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NuwaError } from "../../src/core/errors.ts";
import { NODES, TASK_OPTIONS } from "./configuration.ts";
import { killNode, slurm, startNode, startSlurm, stopSlurm, waitForNodes } from "./one-machine.ts";
import { waitFor } from "./processes.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const SBATCH = join(PROJECT, "docs/cluster/slurm-array.sbatch");

/** More shards than nodes, so that one waits; each has two batches, so that there is a middle to be killed in. */
const SHARDS = [1, 2, 3];
const EVALUATION = ["--model", "weights/shapes", "--methods", "none,nuwa", "--averages", "2/9", "--limit", "12"];

/** Seconds that an array may take here. */
const PATIENCE = 900;

/** What the controller knows of a task of an array. */
interface Task {
  readonly shard: number;
  readonly state: string;
  readonly node: string;
  readonly restarts: number;
}

/** A run of the proof: where its files go, which options its evaluation has, who is told of its steps. */
interface Proof {
  readonly out: string;
  readonly cluster: string;
  readonly evaluation: readonly string[];
  readonly say: (line: string) => void;
}

/**
 * Runs docs/cluster/slurm-array.sbatch on a Slurm that is started for it, kills a node in the middle, twice, and
 * compares what comes out with the answers of one process: once Slurm queues the task again by itself, once the array
 * is cancelled and submitted again.
 *
 * @param out absolute path of the folder for everything
 * @throws NuwaError when a step fails or any answer differs
 */
export async function prove(out: string, backend: string, say: (line: string) => void): Promise<void> {
  const proof: Proof = { out, cluster: join(out, "slurm"), evaluation: [...EVALUATION, "--backend", backend], say };
  await startSlurm(proof.cluster);
  try {
    say(`a controller and ${NODES.join(", ")} run, ${slurm(proof.cluster, "sinfo", "--version").trim()}`);
    for (const name of ["whole", "requeued", "resubmitted"]) rmSync(join(out, name), { recursive: true, force: true });
    nuwa("eval", ...proof.evaluation, "--out", join(out, "whole"));
    say(`one process: ${answersIn(join(out, "whole")).length} answers`);
    await killAndRequeue(proof, join(out, "requeued"));
    await startAgain(proof);
    await killAndResubmit(proof, join(out, "resubmitted"));
  } finally {
    await stopSlurm(proof.cluster);
  }
}

/** The controller sees that the node is silent, and gives its task to the other one. */
async function killAndRequeue(proof: Proof, results: string): Promise<void> {
  const job = submit(proof, results);
  const killed = await killInTheMiddle(proof, job, results);
  await waitForArray(proof, job);
  const tasks = requireComplete(proof, job);
  if (!tasks.some(({ shard, restarts }) => shard === killed && restarts > 0))
    throw new NuwaError(`shard ${killed} was not queued again.`);
  compare(proof, results);
}

/** What a user does whose array was lost: submits the same again. */
async function killAndResubmit(proof: Proof, results: string): Promise<void> {
  const first = submit(proof, results);
  await killInTheMiddle(proof, first, results);
  slurm(proof.cluster, "scancel", first);
  await waitForArray(proof, first);
  proof.say(`job ${first} is cancelled: ${describe(tasksOf(proof, first))}`);
  await startAgain(proof);
  const second = submit(proof, results);
  await waitForArray(proof, second);
  requireComplete(proof, second);
  compare(proof, results);
}

/** @returns the number of the job */
function submit({ cluster, evaluation, say }: Proof, results: string): string {
  mkdirSync(results, { recursive: true });
  const array = [`--array=1-${SHARDS.length}`, ...TASK_OPTIONS, `--output=${join(results, "task-%a.log")}`];
  const where = [`--chdir=${PROJECT}`, `--export=ALL,NUWA_RESULTS=${results}`];
  const job = slurm(cluster, "sbatch", "--parsable", ...array, ...where, SBATCH, ...evaluation).trim();
  say(`job ${job} is submitted: ${SHARDS.length} shards`);
  return job;
}

/**
 * Kills the first node while its task has written some answers and works on others.
 *
 * @returns the shard of that task
 */
async function killInTheMiddle(proof: Proof, job: string, results: string): Promise<number> {
  const [node] = NODES;
  const running = () => tasksOf(proof, job).find((task) => task.node === node && task.state === "RUNNING");
  await waitFor(`a task on ${node}`, PATIENCE, () => running() !== undefined);
  const shard = (running() as Task).shard;
  const folder = join(results, `shard-${shard}`);
  await waitFor(`the first answers of shard ${shard}`, PATIENCE, () => answersIn(folder).length > 0);
  await killNode(proof.cluster, node);
  const answers = answersIn(folder).length;
  // A task that was done has removed its lock.
  if (!existsSync(join(folder, "nuwa.lock"))) throw new NuwaError(`shard ${shard} was done before ${node} was killed.`);
  proof.say(`${node} is killed: shard ${shard} has ${answers} answers and its lock`);
  return shard;
}

async function startAgain({ cluster, say }: Proof): Promise<void> {
  const [node] = NODES;
  startNode(cluster, node);
  await waitForNodes(cluster, NODES);
  say(`${node} is started again`);
}

async function waitForArray({ cluster }: Proof, job: string): Promise<void> {
  const ended = () => slurm(cluster, "squeue", "--noheader", `--jobs=${job}`).trim() === "";
  await waitFor(`the end of job ${job}`, PATIENCE, ended);
}

/** @throws NuwaError when a task has failed */
function requireComplete(proof: Proof, job: string): Task[] {
  const tasks = tasksOf(proof, job);
  const shards = tasks.filter(({ state }) => state === "COMPLETED").map(({ shard }) => shard);
  if (shards.sort().join() !== SHARDS.join()) throw new NuwaError(`job ${job} ended with ${describe(tasks)}.`);
  proof.say(`job ${job} is done: ${describe(tasks)}`);
  return tasks;
}

function describe(tasks: readonly Task[]): string {
  const again = ({ restarts }: Task) => (restarts > 0 ? `, restarted ${restarts} time(s)` : "");
  const where = ({ node }: Task) => (node === "" ? "before it began" : `on ${node}`);
  return tasks.map((task) => `shard ${task.shard} ${task.state} ${where(task)}${again(task)}`).join("; ");
}

function tasksOf({ cluster }: Proof, job: string): Task[] {
  const records = slurm(cluster, "scontrol", "--oneliner", "show", "job", job).trim().split("\n");
  return records
    .map((record) => {
      const field = (name: string) => new RegExp(`(?:^| )${name}=(\\S*)`).exec(record)?.[1] ?? "";
      const [shard, restarts] = [Number(field("ArrayTaskId")), Number(field("Restarts"))];
      return { shard, restarts, state: field("JobState"), node: field("NodeList") };
    })
    .sort((a, b) => a.shard - b.shard);
}

/** @throws NuwaError when the merged shards are not what one process has answered */
function compare({ out, say }: Proof, results: string): void {
  const [whole, merged] = [join(out, "whole"), join(results, "whole")];
  nuwa("eval", "merge", ...SHARDS.map((shard) => join(results, `shard-${shard}`)), "--out", merged);
  const [expected, found] = [answersIn(whole).sort(), answersIn(merged).sort()];
  const different =
    expected.filter((line, i) => line !== found[i]).length + Math.max(0, found.length - expected.length);
  if (different > 0) throw new NuwaError(`${different} of ${expected.length} answers differ: see ${merged}.`);
  const [one, other] = [whole, merged].map((folder) => readFileSync(join(folder, "summary.json"), "utf8"));
  if (one !== other) throw new NuwaError(`the answers are equal, and ${merged}/summary.json differs.`);
  say(`merged: ${found.length} answers and summary.json are equal to those of one process`);
}

/** The lines of a journal that are complete. */
function answersIn(folder: string): string[] {
  const file = join(folder, "samples.jsonl");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
}

function nuwa(...options: string[]): void {
  const { status, stderr } = spawnSync(process.execPath, ["bin/nuwa.js", ...options], {
    cwd: PROJECT,
    encoding: "utf8",
  });
  if (status !== 0) throw new NuwaError(`nuwa ${options[0]} ended with ${status}: ${stderr.trim().split("\n").at(-1)}`);
}
