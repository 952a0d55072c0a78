import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { compilerArguments, runtimePaths } from "../../scripts/setup-native/compile.ts";
import { headerVersion } from "../../scripts/setup-native/libraries.ts";
import { checksum } from "../../scripts/setup-native/pip.ts";
import { folderName, holdsLibtensorflow, librariesFromFolder } from "../../scripts/setup-native/present.ts";
import { publishedFiles, publishedLibraries, statedChecksum } from "../../scripts/setup-native/published.ts";
import { closeWorkspace, openWorkspace, requireDisk, type Workspace } from "../../scripts/setup-native/workspace.ts";
import { cudaLibraries } from "../../src/backend/native/cuda.ts";

const has = (program: string) => spawnSync(program, ["--version"]).status === 0;

/** Python and tar take their time to start on a machine that is busy. */
const PATIENCE = 60_000;

const ROOT = mkdtempSync(join(tmpdir(), "nuwa-setup-"));
afterAll(() => rmSync(ROOT, { recursive: true }));
const temporary = () => mkdtempSync(join(ROOT, "x-"));

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A folder with the files that a site-packages folder with CUDA has, all of them empty. */
function librariesWithCuda(): string {
  const folder = temporary();
  for (const file of ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2", "include/tensorflow/c/c_api.h"])
    write(join(folder, "tensorflow", file), "");
  write(join(folder, "tensorflow/include/tensorflow/c/eager/c_api.h"), "");
  for (const file of ["cudnn/lib/libcudnn.so.9", "cudnn/lib/libcudnn_ops.so.9", "cublas/lib/libcublas.so.12"])
    write(join(folder, "nvidia", file), "");
  write(join(folder, "nvidia/cuda_nvcc/bin/ptxas"), "");
  return folder;
}

describe("the loader's paths", () => {
  it("lead from the binding to each folder of libraries, wherever the project lies", () => {
    const libraries = [
      "/p/.native/l/tensorflow/a.so",
      "/p/.native/l/tensorflow/b.so",
      "/p/.native/l/nvidia/x/lib/c.so",
    ];
    expect(runtimePaths("/p/.native/b/lib/napi-v8", libraries)).toEqual([
      "$ORIGIN/../../../l/tensorflow",
      "$ORIGIN/../../../l/nvidia/x/lib",
    ]);
  });

  it("and the binding's needs name the CUDA libraries that TensorFlow opens, not their helpers", () => {
    const folder = librariesWithCuda();
    expect(cudaLibraries(join(folder, "nvidia")).map((path) => path.slice(folder.length))).toEqual([
      "/nvidia/cublas/lib/libcublas.so.12",
      "/nvidia/cudnn/lib/libcudnn.so.9",
    ]);
    const args = compilerArguments(
      "/p",
      ["/h"],
      { name: "x", folder, source: "", cuda: true, wheels: [] },
      "/p/o.node",
    );
    expect(args).toContain("-Wl,--disable-new-dtags");
    expect(args.indexOf("-Wl,--no-as-needed")).toBeLessThan(args.indexOf(`${folder}/nvidia/cudnn/lib/libcudnn.so.9`));
    expect(args.filter((arg) => arg.startsWith("-Wl,-rpath,$ORIGIN/"))).toHaveLength(3);
  });
});

const open: Workspace[] = [];
function workspaceIn(folder: string): Workspace {
  const workspace = openWorkspace(folder);
  open.push(workspace);
  return workspace;
}
const servers: Server[] = [];
afterEach(() => {
  for (const workspace of open.splice(0)) closeWorkspace(workspace);
  for (const server of servers.splice(0)) server.close();
});

describe("the working folder", () => {
  it("serves one set-up at a time, and takes over from one that was killed", () => {
    const folder = temporary();
    write(join(folder, "tmp/left"), "");
    writeFileSync(join(folder, "lock"), String(spawnSync("true").pid));
    const workspace = workspaceIn(folder);
    expect(existsSync(join(workspace.temporary, "left"))).toBe(false);
    expect(() => openWorkspace(folder)).toThrow(/another set-up/);
    closeWorkspace(workspace);
    expect(existsSync(join(folder, "lock"))).toBe(false);
  });

  it(
    "ends what it has started when it is told to end, also what that has started",
    async () => {
      const folder = temporary();
      const module = fileURLToPath(new URL("../../scripts/setup-native/workspace.ts", import.meta.url));
      const program = `
      import { runCommand } from ${JSON.stringify(module)};
      runCommand({ temporary: process.argv[1] }, "sh", ["-c", "sleep 600 & echo $! > pid; wait"]);`;
      const node = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program, folder], {
        cwd: fileURLToPath(new URL("../..", import.meta.url)),
        stdio: "inherit",
      });
      const pid = join(folder, "pid");
      const wait = () => new Promise((resolve) => setTimeout(resolve, 20));
      while (!existsSync(pid) || !readFileSync(pid, "utf8").endsWith("\n")) await wait();
      const ended = new Promise((resolve) => node.on("close", (_, signal) => resolve(signal)));
      node.kill("SIGTERM");
      expect(await ended).toBe("SIGTERM");
      const status = `/proc/${readFileSync(pid, "utf8").trim()}/status`;
      // The kernel takes its time to end it; a zombie has ended.
      const runs = () => existsSync(status) && !/^State:\s+Z/m.test(readFileSync(status, "utf8"));
      while (runs()) await wait();
    },
    PATIENCE,
  );

  it("is refused where the disk is too small, with the numbers", () => {
    expect(() => requireDisk(workspaceIn(temporary()), 1e9)).toThrow(/needs 1000000000 GB.*are free.*Free some/);
  });
});

describe("a libtensorflow of the machine", () => {
  it("is used where it lies, with its CUDA if that lies beside it", () => {
    const place = join(librariesWithCuda(), "tensorflow");
    const workspace = workspaceIn(temporary());
    const libraries = librariesFromFolder(workspace, place);
    expect(libraries.name).toBe(folderName(place));
    expect(existsSync(join(libraries.folder, "tensorflow/libtensorflow_cc.so.2"))).toBe(true);
    expect(cudaLibraries(join(libraries.folder, "nvidia"))).toHaveLength(2);
  });

  it("may be a prefix with lib and include", () => {
    const prefix = temporary();
    for (const file of ["lib/libtensorflow.so.2", "lib/libtensorflow_framework.so.2", "include/tensorflow/c/c_api.h"])
      write(join(prefix, file), "");
    expect(holdsLibtensorflow(prefix)).toBe(false); // the eager interface's header is missing
    write(join(prefix, "include/tensorflow/c/eager/c_api.h"), "");
    expect(holdsLibtensorflow(prefix)).toBe(true);
  });

  it("is refused in one line where it is missing or too old", () => {
    const workspace = workspaceIn(temporary());
    expect(() => librariesFromFolder(workspace, "/nowhere")).toThrow(/neither a folder nor/);
    expect(() => librariesFromFolder(workspace, temporary())).toThrow(/has no libtensorflow_cc/);
    const place = join(librariesWithCuda(), "tensorflow");
    write(
      join(place, "include/tensorflow/core/public/version.h"),
      "#define TF_MAJOR_VERSION 2\n#define TF_MINOR_VERSION 4\n#define TF_PATCH_VERSION 0\n",
    );
    expect(headerVersion(join(place, "include"))).toBe("2.4.0");
    expect(() => librariesFromFolder(workspace, place)).toThrow(/2\.4\.0 is too old/);
  });
});

describe("the published binary", () => {
  it("has the addresses that the package states, or those of a mirror", () => {
    const manifest = { version: "4.22.0", binary: { host: "https://host.example/tf-builds/pre-built-binary" } };
    const files = publishedFiles(manifest, "2.9.1");
    expect(files.binding).toBe(
      "https://host.example/tf-builds/pre-built-binary/napi-v8/4.22.0/GPU-linux-4.22.0.tar.gz",
    );
    expect(publishedFiles(manifest, "2.9.1", "http://mirror.example/").libtensorflow).toBe(
      "http://mirror.example/tensorflow/libtensorflow/libtensorflow-gpu-linux-x86_64-2.9.1.tar.gz",
    );
  });

  it("has its checksum in the host's answer", () => {
    expect(statedChecksum("crc32c=AAAAAA==, md5=1B2M2Y8AsgTpgAmY7PhCfg==")).toBe("d41d8cd98f00b204e9800998ecf8427e");
    expect(statedChecksum("crc32c=AAAAAA==")).toBeUndefined();
    expect(statedChecksum(null)).toBeUndefined();
  });

  describe.skipIf(!has("tar"))("from a host on this machine (skipped without tar)", { timeout: PATIENCE }, () => {
    /** A package that says where it is published, and a host that serves it with the given checksum header. */
    async function published(md5: (bytes: Buffer) => string | undefined): Promise<string> {
      const folder = temporary();
      for (const file of ["lib/libtensorflow.so.2", "lib/libtensorflow_framework.so.2", "include/x.h"])
        write(join(folder, file), "");
      write(join(folder, "napi-v8/tfjs_binding.node"), "binding");
      execFileSync("tar", ["-czf", "libtensorflow.tar.gz", "lib", "include"], { cwd: folder });
      execFileSync("tar", ["-czf", "GPU.tar.gz", "napi-v8"], { cwd: folder });
      const server = createServer((request, response) => {
        const bytes = readFileSync(join(folder, request.url?.includes("GPU-") ? "GPU.tar.gz" : "libtensorflow.tar.gz"));
        const sum = md5(bytes);
        if (sum) response.setHeader("x-goog-hash", `md5=${sum}`);
        response.end(bytes);
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bindings`;
      write(join(folder, "package.json"), JSON.stringify({ version: "4.22.0", binary: { host } }));
      write(join(folder, "scripts/deps-constants.js"), 'module.exports = { LIBTENSORFLOW_VERSION: "2.9.1" };');
      return folder;
    }
    const right = (bytes: Buffer) => createHash("md5").update(bytes).digest("base64");

    it("is fetched, checked and laid out like the other libraries", async () => {
      const libraries = await publishedLibraries(workspaceIn(temporary()), await published(right));
      expect(libraries.name).toBe("published-2.9.1");
      for (const file of ["tensorflow/libtensorflow.so.2", "include/x.h", "prebuilt/napi-v8/tfjs_binding.node"])
        expect(existsSync(join(libraries.folder, file)), file).toBe(true);
    });

    it("is refused with a wrong checksum, and without one", async () => {
      const workspace = workspaceIn(temporary());
      await expect(publishedLibraries(workspace, await published(() => right(Buffer.from("other"))))).rejects.toThrow(
        /GPU-linux-4\.22\.0\.tar\.gz: the download does not match its checksum/,
      );
      await expect(publishedLibraries(workspace, await published(() => undefined))).rejects.toThrow(/no checksum/);
    });
  });
});

describe.skipIf(!has("python3"))("unpacking a wheel (skipped without python3)", { timeout: PATIENCE }, () => {
  const unpack = fileURLToPath(new URL("../../scripts/setup-native/unpack.py", import.meta.url));
  const program = `import base64, hashlib, sys, zipfile
wheel, name, text, vouched = sys.argv[1:]
digest = base64.urlsafe_b64encode(hashlib.sha256(vouched.encode()).digest()).rstrip(b"=").decode()
with zipfile.ZipFile(wheel, "w") as z:
    z.writestr(name, text)
    z.writestr("x-1.dist-info/METADATA", "Name: x\\nVersion: 1\\n\\nbody")
    z.writestr("x-1.dist-info/RECORD", f"{name},sha256={digest},9\\n")`;
  const run = (name: string, text: string, vouched: string) => {
    const folder = temporary();
    execFileSync("python3", ["-c", program, join(folder, "x.whl"), name, text, vouched]);
    const result = spawnSync("python3", [unpack, join(folder, "x.whl"), join(folder, "out"), ".*\\.so"], {
      encoding: "utf8",
    });
    return { folder, ...result };
  };

  it("takes out what matches, and says what the wheel is", async () => {
    const { folder, stdout } = run("lib/a.so", "text", "text");
    expect(JSON.parse(stdout)).toMatchObject({ name: "x", version: "1", files: 1 });
    expect(await checksum(join(folder, "out/lib/a.so"))).toBe(createHash("sha256").update("text").digest("hex"));
  });

  it.each([
    ["a file that was changed", "lib/a.so", "changed", /does not match its checksum/],
    ["a file that would land elsewhere", "../a.so", "text", /leads out of the folder/],
  ])("refuses %s", (_, name, text, line) => {
    const { status, stderr } = run(name, text, "text");
    expect(status).toBe(1);
    expect(stderr).toMatch(line);
  });

  it("refuses half a wheel", () => {
    const path = join(temporary(), "x.whl");
    writeFileSync(path, "PK half");
    const { status, stderr } = spawnSync("python3", [unpack, path, temporary(), ".*"], { encoding: "utf8" });
    expect(status).toBe(1);
    expect(stderr).toMatch(/not a whole wheel/);
  });
});
