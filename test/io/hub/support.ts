import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { listing } from "../../cli/support.ts";
import { fixturePath } from "../../support.ts";
import { type FakeHub, fakeHub } from "./server.ts";

export const SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const NAMES = ["config.json", ...SHARDS, "model.safetensors.index.json"];
/** A file of the checkpoint. */
export const wide = (name: string) => readFileSync(fixturePath("wide", name));
/** The fixture `wide` as a repository, among files that are no part of a checkpoint. */
export const CHECKPOINT: Record<string, Buffer> = {
  ".gitattributes": Buffer.from("*"),
  "README.md": Buffer.from("# Llava"),
  "pytorch_model.bin": Buffer.from("a pickle"),
  ...Object.fromEntries(NAMES.map((name) => [name, wide(name)])),
};

let servers: FakeHub[] = [];
/** A hub with the checkpoint. */
export async function serve(
  files: Record<string, Buffer> = CHECKPOINT,
  lfs: readonly string[] = SHARDS,
): Promise<FakeHub> {
  const server = await fakeHub(files, lfs);
  servers.push(server);
  return server;
}
/** Ends the servers of a test. */
export async function closeServers(): Promise<void> {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
}

/** All of the checkpoint is in a folder, and nothing else. */
export function expectWhole(folder: string): void {
  expect(listing(folder)).toEqual([...NAMES].sort());
  for (const name of NAMES) expect(readFileSync(join(folder, name)).equals(wide(name)), name).toBe(true);
}
