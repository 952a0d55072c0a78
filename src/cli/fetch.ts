import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Command, Option } from "commander";
import { printable, UsageError } from "../core/errors.ts";
import { type FetchObserver, fetchCheckpoint, gigabytes } from "../io/hub/fetch-checkpoint.ts";
import { checkRepositoryName } from "../io/hub/repository.ts";
import { duration, type Output } from "../train/engine/progress-report.ts";
import { requireText } from "./options.ts";

interface FetchOptions {
  readonly revision: string;
  readonly out?: string;
  readonly mirror: string;
}

/** `nuwa fetch`: a checkpoint from the Hugging Face hub, as a folder that every command takes as --model. */
export function addFetch(program: Command): void {
  program
    .command("fetch")
    .description("bring a checkpoint from the Hugging Face hub; run again to go on after an interruption")
    .argument("<repo>", "repository, such as llava-hf/llava-1.5-7b-hf")
    .option("--revision <name>", "branch, tag or commit", "main")
    .option("--out <folder>", "where its files go (default: out/models/NAME)")
    .addOption(
      new Option("--mirror <url>", "another host with the hub's interface")
        .default("https://huggingface.co")
        .env("HF_ENDPOINT"),
    )
    .action(fetchModel);
}

async function fetchModel(repo: string, { revision, out, mirror }: FetchOptions): Promise<void> {
  const name = checkRepositoryName(repo);
  const folder = requireText("--out", out ?? join("out", "models", name.split("/").at(-1) as string));
  const pause = async (milliseconds: number, what: string, why: string) => {
    process.stderr.write(retryLine(process.stderr, milliseconds, what, why));
    await wait(milliseconds);
  };
  const hub = { host: hostOf(mirror), token: process.env.HF_TOKEN, pause };
  const { commit } = await fetchCheckpoint(
    hub,
    name,
    requireText("--revision", revision),
    folder,
    terminalFetch(process.stderr),
  );
  process.stdout.write(`wrote ${folder}: ${name} at commit ${commit}\n`);
}

/** @throws UsageError when it is no address of a server */
function hostOf(mirror: string): string {
  const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username || url.password)
    throw new UsageError(`--mirror "${mirror}" is not an address such as https://huggingface.co.`);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

/** What is said before a pause, in a line of its own. */
export function retryLine({ isTTY }: Output, milliseconds: number, what: string, why: string): string {
  return `${isTTY ? "\r\u001b[K" : ""}${what}: retrying in ${duration(milliseconds / 1000)} (${printable(why)})\n`;
}

/** One updating line on a terminal, with the time left; a line a file elsewhere. */
export function terminalFetch(output: Output): FetchObserver {
  const have = new Map<string, number>();
  let total = 0;
  let start: { at: number; bytes: number } | undefined;
  const sum = () => [...have.values()].reduce((all, bytes) => all + bytes, 0);
  return {
    found({ name, commit }, files) {
      total = files.reduce((all, { size }) => all + size, 0);
      output.write(`${name} at ${commit.slice(0, 12)}: ${files.length} files, ${gigabytes(total)}\n`);
    },
    bytes({ path }, bytes) {
      have.set(path, bytes);
      if (!output.isTTY || total === 0) return;
      start ??= { at: performance.now(), bytes: sum() };
      const seconds = (performance.now() - start.at) / 1000;
      const left = ((total - sum()) * seconds) / (sum() - start.bytes);
      const time = Number.isFinite(left) ? `  ${duration(left)} left` : "";
      output.write(`\r${path}  ${gigabytes(sum())} of ${gigabytes(total)}${time}\u001b[K`);
    },
    finished({ path, size }, fresh) {
      output.write(`${output.isTTY ? "\r\u001b[K" : ""}${path}  ${size} bytes${fresh ? "" : ", was there"}\n`);
    },
  };
}
