import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { afterAll, describe, expect, it } from "vitest";
import { cudaLines, describeCuda } from "../../src/backend/native/cuda.ts";
import { describeGpu, parseGpus, visibleGpus } from "../../src/backend/native/gpu.ts";
import { activeSetup, nvidiaFolder } from "../../src/backend/native/locate.ts";
import { readGpuLog } from "../../src/backend/native/log.ts";
import { nativeReport } from "../../src/backend/native/report.ts";
import { tryNative } from "../../src/backend/native/trial.ts";
import { whyUnused } from "../../src/backend/native/unused.ts";
import { loadTensorflow } from "../../src/backend/tensorflow.ts";

/** The test program starts a Node and loads TensorFlow, which takes its time on a machine that is busy. */
const PATIENCE = 120_000;

const ROOT = mkdtempSync(join(tmpdir(), "nuwa-native-"));
afterAll(() => rmSync(ROOT, { recursive: true }));
const temporary = () => mkdtempSync(join(ROOT, "x-"));

const SMI = `0, GPU-11aa, NVIDIA H200, 143771, 570.86.15
1, GPU-22bb, NVIDIA GeForce RTX 4090, 24564, 570.86.15
`;
const gpus = parseGpus(SMI);

describe("the GPUs of the machine", () => {
  it("are read from nvidia-smi, with their memory in GiB", () => {
    expect(gpus).toHaveLength(2);
    expect(gpus[1]).toMatchObject({ index: 1, name: "NVIDIA GeForce RTX 4090", driver: "570.86.15" });
    expect(describeGpu(gpus[0])).toBe("NVIDIA H200 (140.4 GiB)");
  });

  it("are none when nvidia-smi writes something else", () => {
    expect(parseGpus("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n")).toEqual([]);
  });

  it.each([
    [undefined, [0, 1]],
    ["1,0", [1, 0]],
    ["GPU-22", [1]],
    ["", []],
    ["-1", []],
    ["0,7,1", [0]],
  ])("are seen by a program as CUDA does with CUDA_VISIBLE_DEVICES=%s", (visible, indices) => {
    expect(visibleGpus(gpus, visible).map(({ index }) => index)).toEqual(indices);
  });
});

describe("the libraries of CUDA", () => {
  /** Libraries as wheels unpack them; of cudnn there is no record. */
  function unpacked(): string {
    const folder = temporary();
    for (const file of ["cublas/lib/libcublas.so.12", "cublas/lib/libcublasLt.so.12", "cudnn/lib/libcudnn.so.9"]) {
      mkdirSync(dirname(join(folder, "nvidia", file)), { recursive: true });
      writeFileSync(join(folder, "nvidia", file), "");
    }
    mkdirSync(join(folder, "nvidia_cublas_cu12-12.9.1.4.dist-info"));
    mkdirSync(join(folder, "numpy-2.0.0.dist-info"));
    return folder;
  }

  it("have the version of their wheel, and were loaded or not, also where they are used through a link", () => {
    const folder = unpacked();
    const nvidia = join(temporary(), "nvidia");
    symlinkSync(join(folder, "nvidia"), nvidia);
    const found = describeCuda(nvidia, [join(folder, "nvidia/cublas/lib/libcublas.so.12"), "linux-vdso.so.1"]);
    expect(found).toEqual([
      { name: "cublas", version: "12.9.1.4", loaded: true },
      { name: "cublasLt", version: "12.9.1.4", loaded: false },
      { name: "cudnn", version: undefined, loaded: false },
    ]);
    expect(cudaLines(found)).toEqual([
      "CUDA libraries, loaded: cublas 12.9.1.4",
      "CUDA libraries, NOT loaded: cublasLt 12.9.1.4, cudnn (version not recorded)",
    ]);
  });

  it("are none, and no line, where there is no such folder", () => {
    expect(cudaLines(describeCuda("/nowhere", []))).toEqual([]);
  });
});

describe("TensorFlow's log", () => {
  it("names each missing library once, with the loader's reason, and not those that nothing uses", () => {
    const line = (library: string, reason: string) =>
      `I0000 00:00:17 1 dso_loader.cc:70] Could not load dynamic library '${library}'; dlerror: ${reason}; LD_LIBRARY_PATH: /a\n`;
    const gone = "cannot open shared object file: No such file or directory";
    const log = readGpuLog(
      line("libcudnn.so.9", `libcudnn.so.9: ${gone}`) +
        line("libcusolver.so.11", `libnvJitLink.so.12: ${gone}`) +
        line("libcudnn.so.9", `libcudnn.so.9: ${gone}`) +
        line("libnvinfer.so.10", `libnvinfer.so.10: ${gone}`),
    );
    expect(log.missing).toEqual([
      { library: "libcudnn.so.9", reason: `libcudnn.so.9: ${gone}` },
      { library: "libcusolver.so.11", reason: `libnvJitLink.so.12: ${gone}` },
    ]);
    expect(log.device).toBeUndefined();
  });

  it("names the device that computes, the last one, and the memory it may use", () => {
    const created = (index: number, name: string) =>
      `gpu_device.cc:2020] Created device /job:localhost/replica:0/task:0/device:GPU:${index} with 137216 MB memory:  -> device: ${index}, name: ${name}, pci bus id: 0000:19:00.0, compute capability: 9.0\n`;
    const log = readGpuLog(created(0, "NVIDIA A") + created(1, "NVIDIA B"));
    expect(log.device).toEqual({ name: "NVIDIA B", memoryGiB: 134 });
    expect(log.missing).toEqual([]);
  });

  it("tells that the driver could not be started", () => {
    const log = readGpuLog("E cuda_platform.cc:51] failed call to cuInit: INTERNAL: CUDA error: UNKNOWN ERROR (303)\n");
    expect(log.driverError).toBe("INTERNAL: CUDA error: UNKNOWN ERROR (303)");
  });
});

describe("a GPU that is not used", () => {
  const silent = readGpuLog("");
  const missing = readGpuLog("Could not load dynamic library 'libcudnn.so.9'; dlerror: libcudnn.so.9: not there\n");

  it.each([
    ["is hidden by CUDA_VISIBLE_DEVICES", silent, true, "-1", /hides it/, /Unset/],
    ["cannot be used by a build without CUDA", silent, false, undefined, /without CUDA/, /--cuda/],
    ["lacks a library, which is named", missing, true, undefined, /libcudnn\.so\.9/, /--cuda/],
    [
      "has a driver that does not answer",
      readGpuLog("failed call to cuInit: no device\n"),
      true,
      undefined,
      /no device/,
      /driver/,
    ],
    [
      "has a driver whose library is not there",
      readGpuLog("Could not load dynamic library 'libcuda.so.1'; dlerror: libcuda.so.1: not there\n"),
      true,
      undefined,
      /libcuda\.so\.1/,
      /container/,
    ],
    ["may be missing CUDA where nothing is known", silent, null, undefined, /most likely/, /--cuda/],
    ["has another reason where the build has CUDA", silent, true, undefined, /nothing that is missing/, /VLOG/],
  ] as const)("%s", (_, log, cuda, visible, reason, remedy) => {
    const why = whyUnused(gpus, log, cuda, visible);
    expect(why.reason).toMatch(reason);
    expect(why.remedy).toMatch(remedy);
  });
});

describe("the place of the native backend", () => {
  it("is the folder that the link names, and none where the set-up was broken off", () => {
    const folder = temporary();
    const setup = { packageVersion: "4.22.0", libraries: "x", source: "a test", cuda: false };
    mkdirSync(join(folder, "builds/x"), { recursive: true });
    expect(activeSetup(folder)).toBeUndefined();
    symlinkSync("builds/x", join(folder, "active"));
    expect(activeSetup(folder)).toBeUndefined();
    writeFileSync(join(folder, "builds/x/setup.json"), '{"packageVersion": "4.2');
    expect(activeSetup(folder)).toBeUndefined();
    writeFileSync(join(folder, "builds/x/setup.json"), JSON.stringify(setup));
    expect(activeSetup(folder)).toMatchObject(setup);
    expect(activeSetup(folder)?.packageFolder).toBe(join(folder, "active/node_modules/@tensorflow/tfjs-node-gpu"));
  });

  it("that holds no package is told as one line with the remedy", async () => {
    const status = await loadTensorflow("/nowhere");
    expect(status).toMatchObject({ loaded: false, reason: expect.stringMatching(/\/nowhere.*npm run setup:native/) });
  });

  it(
    "that holds a package without a binary is told by the test program too",
    () => {
      const { answer } = tryNative(temporary());
      expect(answer).toMatchObject({ loaded: false, reason: expect.stringMatching(/npm run setup:native/) });
    },
    PATIENCE,
  );
});

describe("the report for nuwa doctor", () => {
  it(
    "says in lines of plain text whether the backend can be used, and if not, the remedy",
    async () => {
      const report = await nativeReport();
      expect(report.lines.length).toBeGreaterThan(0);
      for (const line of report.lines) expect(line).toMatch(/^[^\n]+$/);
      if (report.usable) expect(report.lines.join("\n")).toMatch(/TensorFlow \d+\.\d+[\s\S]*\nruns on the (CPU|GPU)/);
      else expect(report.lines[0]).toContain("npm run setup:native");
    },
    PATIENCE,
  );
});

const status = await loadTensorflow();

describe.skipIf(!status.loaded)("the native backend (skipped where it is not set up)", () => {
  it("is registered with the program's own copy of tfjs, and computes", async () => {
    expect(await tf.setBackend("tensorflow")).toBe(true);
    expect(tf.getBackend()).toBe("tensorflow");
    const product = tf.tidy(() => tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])).dataSync());
    expect([...product]).toEqual([11]);
  });

  it("has all libraries of CUDA in memory, each with its version, where it was set up with CUDA by pip", () => {
    const setup = activeSetup();
    const { answer } = tryNative();
    const loaded = (answer.loaded && answer.sharedLibraries) || [];
    expect(loaded.join("\n")).toMatch(/libtensorflow_framework/);
    for (const library of setup ? describeCuda(nvidiaFolder(setup), loaded) : [])
      expect(library).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+/), loaded: true });
  });

  it.each([
    [undefined, "1"],
    [false, "0"],
  ])(
    "computes with oneDNN unless the model is small, and then writes nothing when it starts (large: %j)",
    (large, value) => {
      const { TF_ENABLE_ONEDNN_OPTS: _, ...env } = process.env;
      const code = `
        const { useBackend } = await import("./src/backend/select.ts");
        await useBackend("tensorflow", ${JSON.stringify({ large })});
        console.log(process.env.TF_ENABLE_ONEDNN_OPTS);`;
      const child = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
        cwd: fileURLToPath(new URL("../..", import.meta.url)),
        env,
        encoding: "utf8",
      });
      expect(child).toMatchObject({ status: 0, stdout: `${value}\n` });
      if (value === "0") expect(child.stderr).toBe("");
    },
    PATIENCE,
  );

  it("says what it is and what it runs on", () => {
    expect(status).toMatchObject({ version: "4.22.0", libraryVersion: expect.stringMatching(/^2\.\d+/) });
    expect(status.loaded && status.device).toMatch(/^(CPU|GPU)/);
  });
});
