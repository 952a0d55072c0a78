import { execFile, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { temporaryFolder } from "../support.ts";

const EXAMPLE = fileURLToPath(new URL("../../../docs/cluster/kubernetes-indexed-job.yaml", import.meta.url));
const text = readFileSync(EXAMPLE, "utf8");
const job = parse(text);
const absent = spawnSync("kubectl", ["version", "--client"]).status !== 0 && "kubectl is not installed";

/** What a server says it has, from which kubectl learns the kinds; the rest of it is not asked in a dry run. */
const version = { groupVersion: "batch/v1", version: "v1" };
const jobs = { name: "jobs", singularName: "job", namespaced: true, kind: "Job", verbs: ["create", "get"] };
const SERVER: Readonly<Record<string, object>> = {
  "/api": { kind: "APIVersions", versions: ["v1"] },
  "/apis": {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: [{ name: "batch", versions: [version], preferredVersion: version }],
  },
  "/api/v1": { kind: "APIResourceList", groupVersion: "v1", resources: [] },
  "/apis/batch/v1": { kind: "APIResourceList", groupVersion: "batch/v1", resources: [jobs] },
};

describe.skipIf(absent)(`the Kubernetes example and kubectl${absent ? ` (left out: ${absent})` : ""}`, () => {
  const folder = temporaryFolder();
  let server: Server;
  beforeAll(async () => {
    server = createServer(({ url = "" }, response) => {
      const answer = SERVER[url.split("?")[0]];
      response.writeHead(answer ? 200 : 404, { "content-type": "application/json" });
      response.end(JSON.stringify(answer ?? {}));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  /** kubectl on a description of a job, with no server but ours. */
  function kubectl(description: string, ...options: string[]): Promise<{ code: unknown; out: string; err: string }> {
    const file = join(folder, "job.yaml");
    writeFileSync(file, description);
    const { port } = server.address() as AddressInfo;
    const argv = [...options, "-f", file, `--server=http://127.0.0.1:${port}`, `--cache-dir=${join(folder, "cache")}`];
    const env = { ...process.env, KUBECONFIG: join(folder, "none") };
    return new Promise((resolve) =>
      execFile("kubectl", argv, { env }, (error, out, err) => resolve({ code: error?.code ?? 0, out, err })),
    );
  }
  const dryRun = (description: string) => kubectl(description, "create", "--dry-run=client", "--validate=false");
  const { image } = job.spec.template.spec.containers[0];
  /** Reads the job, of another image, into kubectl's own types and writes it again: what they do not have is gone. */
  const decoded = (description: string) =>
    kubectl(description.replace(image, "another"), "set", "image", "--local", `nuwa=${image}`, "-o", "json");

  it("passes its dry run, which looks at the kind alone", async () => {
    expect(await dryRun(text)).toEqual({ code: 0, out: "job.batch/nuwa-eval created (dry run)\n", err: "" });
    const other = await dryRun(text.replace("kind: Job", "kind: Jobs"));
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('no matches for kind "Jobs"') });
    // So it does not see a name that there is not, for which there is the next test.
    expect(await dryRun(text.replace("completionMode", "completionsMode"))).toMatchObject({ code: 0 });
  });

  it("has no field that a job lacks, and none of another type", async () => {
    const { code, out, err } = await decoded(text);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(JSON.parse(out)).toMatchObject(job);
    for (const [right, wrong] of [
      ["completionMode", "completionsMode"],
      ["volumeMounts", "volumeMount"],
    ]) {
      const misspelt = text.replace(right, wrong);
      expect(misspelt).not.toBe(text);
      expect(JSON.parse((await decoded(misspelt)).out)).not.toMatchObject(parse(misspelt));
    }
    const words = await decoded(text.replace("completions: 16", "completions: many"));
    expect(words).toMatchObject({ code: 1, err: expect.stringContaining("JobSpec.spec.completions of type int32") });
  });
});
