import { describe, expect, it } from "vitest";
import { compilerFailure } from "../../scripts/setup-native/compile.ts";
import { pipFailure } from "../../scripts/setup-native/pip.ts";
import {
  compareVersions,
  type Machine,
  planSources,
  requireNewEnough,
  whyNoCuda,
} from "../../scripts/setup-native/plan.ts";
import { cudaRequirements, fits, folderThatFits } from "../../scripts/setup-native/requirements.ts";

const cpu: Machine = { platform: "linux", arch: "x64", glibc: "2.36" };
const gpu: Machine = { ...cpu, driver: "570.86.15" };

describe("the order of sources", () => {
  it("is the published binary, PyPI, then what is on the machine", () => {
    const plan = planSources({}, cpu, ["/opt/tf"]);
    expect(plan.map(({ kind }) => kind)).toEqual(["published", "pypi", "path"]);
    expect(plan[1]).toMatchObject({ cuda: false, version: "2.21.0" });
  });

  it("takes CUDA by itself where a GPU with a driver that is new enough is there", () => {
    expect(planSources({ libtensorflow: "pypi" }, gpu)).toMatchObject([{ cuda: true }]);
    expect(planSources({ libtensorflow: "pypi" }, { ...gpu, driver: "470.1" })).toMatchObject([{ cuda: false }]);
    expect(planSources({ libtensorflow: "pypi" }, { ...gpu, arch: "arm64" })).toMatchObject([{ cuda: false }]);
  });

  it("is only what was asked for", () => {
    expect(planSources({ cuda: true }, gpu, ["/opt/tf"])).toEqual([{ kind: "pypi", version: "2.21.0", cuda: true }]);
    expect(planSources({ libtensorflow: "pypi:2.20.0" }, cpu)).toMatchObject([{ version: "2.20.0" }]);
    expect(planSources({ libtensorflow: "published" }, cpu)).toEqual([{ kind: "published" }]);
    expect(planSources({ libtensorflow: "./tf" }, cpu)).toEqual([{ kind: "path", path: "./tf" }]);
  });

  it("is CUDA where that is asked for, also without a driver: the build may be for another machine", () => {
    expect(planSources({ cuda: true }, cpu)).toEqual([{ kind: "pypi", version: "2.21.0", cuda: true }]);
    expect(whyNoCuda(cpu)).toMatch(/no NVIDIA driver.*Install/);
  });

  it.each([
    [{ cuda: true }, { ...cpu, arch: "arm64" }, /x64 only/],
    [{ cuda: true }, { ...gpu, driver: "470.82" }, /525\.60.*470\.82.*Update/],
    [{ cuda: true }, { ...gpu, arch: "arm64" }, /x64 only/],
    [{ cuda: true, libtensorflow: "/opt/tf" }, gpu, /--cuda goes with/],
    [{ libtensorflow: "pypi:2.8.1" }, cpu, /too old, at least 2\.9/],
    [{ libtensorflow: "pypi:new" }, cpu, /not a version/],
    [{}, { ...cpu, platform: "darwin" }, /Linux.*wasm/],
    [{}, { ...cpu, arch: "ia32" }, /Linux/],
    [{}, { ...cpu, glibc: undefined }, /GNU C library/],
  ])("is refused in one line with the remedy: %j on %j", (request, machine, message) => {
    expect(() => planSources(request, machine)).toThrow(message);
  });
});

describe("versions", () => {
  it("compare number by number", () => {
    expect(compareVersions("2.21.0", "2.9")).toBeGreaterThan(0);
    expect(compareVersions("12.5.82", "12.5.82.0")).toBe(0);
    expect(compareVersions("2.21.0-rc1", "2.21.1")).toBeLessThan(0);
  });

  it("below 2.9 are refused for libtensorflow", () => {
    expect(() => requireNewEnough("x", "2.8.4")).toThrow(/too old/);
    expect(() => requireNewEnough("x", "2.9.1")).not.toThrow();
  });

  it.each([
    ["12.9.79", "<13.0,>=12.5.82", true],
    ["13.0.1", "<13.0,>=12.5.82", false],
    ["12.5.40", "<13.0,>=12.5.82", false],
    ["9.3.0.75", "==9.3.0.75", true],
    ["9.3.1", "~=9.3.0", true],
    ["9.4.0", "~=9.3.0", false],
    ["12.5.3.2", "==12.5.*", true],
    ["12.50.1", "==12.5.*", false],
    ["12.6.0", "!=12.6.0", false],
    ["1.0", "", true],
  ])("%s against %s: %s", (version, specifier, expected) => {
    expect(fits(version, specifier)).toBe(expected);
  });
});

const METADATA = `Metadata-Version: 2.4
Name: tensorflow
Version: 2.21.0
Requires-Dist: numpy>=1.26.0
Provides-Extra: and-cuda
Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"
Requires-Dist: nvidia-cudnn-cu12 (<10.0,>=9.3.0.75) ; extra == 'and-cuda'
Requires-Dist: nvidia-tool; extra == "other"

Requires-Dist: nvidia-in-the-description>=1; extra == "and-cuda"
`;

describe("the CUDA wheels of a TensorFlow wheel", () => {
  it("are those of the extra and-cuda in its METADATA", () => {
    expect(cudaRequirements(METADATA)).toEqual([
      { name: "nvidia-cublas-cu12", specifier: "<13.0,>=12.5.3.2" },
      { name: "nvidia-cudnn-cu12", specifier: "<10.0,>=9.3.0.75" },
    ]);
    expect(() => cudaRequirements("Name: tensorflow\n")).toThrow(/and-cuda/);
  });

  it("are used where they are installed only if all fit and lie in one place", () => {
    const needed = cudaRequirements(METADATA);
    const cublas = { name: "nvidia-cublas-cu12", version: "12.9.1.4", folder: "/a" };
    const cudnn = { name: "nvidia-cudnn-cu12", version: "9.10.2.21", folder: "/a" };
    expect(folderThatFits(needed, [cublas, cudnn])).toBe("/a");
    expect(folderThatFits(needed, [cublas, { ...cudnn, folder: "/b" }])).toBeUndefined();
    expect(folderThatFits(needed, [{ ...cublas, version: "13.1" }, cudnn])).toBeUndefined();
    expect(folderThatFits(needed, [])).toBeUndefined();
  });
});

describe("what pip says", () => {
  const wanted = "tensorflow-cpu==2.21.0";
  it.each([
    ["THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", /does not match its checksum/],
    ["ERROR: Could not install: [Errno 28] No space left on device", /disk is full.*Free/],
    [
      "NewConnectionError(...)\nERROR: ... (from versions: none)\nERROR: No matching distribution found",
      /cannot reach/,
    ],
    [
      "ERROR: ... (from versions: 2.20.0)\nERROR: No matching distribution found for tensorflow-cpu==2.21.0",
      /no such wheel.*pip index versions tensorflow-cpu\)/,
    ],
    ["Traceback\nERROR: Something else", /pip failed: Something else$/],
    ["", /pip failed/],
  ])("becomes one line: %s", (stderr, line) => {
    const failure = pipFailure(wanted, stderr);
    expect(failure).toMatch(line);
    expect(failure).toMatch(/^tensorflow-cpu==2\.21\.0: [^\n]*$/);
  });
});

describe("what the compiler says", () => {
  it.each([
    ["g++: error: unrecognized command-line option '-std=c++17'", /too old.*g\+\+ 9/],
    ["a.cc:1:2: fatal error: node_api.h: No such file or directory\nmore", /node_api\.h/],
    ["ld: final link failed: No space left on device", /disk is full/],
    ["", /cannot compile/],
  ])("becomes one line with the remedy: %s", (stderr, line) => {
    expect(compilerFailure("g++", { stderr })).toMatch(line);
    expect(compilerFailure("g++", { stderr })).not.toContain("\n");
  });
});
