import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import type { Picture, Size } from "../core/resample.ts";

/** What a drawing may take. */
export interface DrawingLimits {
  readonly pixels: number;
  /** Of a processor, for all that is drawn. */
  readonly seconds: number;
  readonly megabytes: number;
}

/** How many times `seconds` may pass on the clock, on a machine that has other things to do. */
const PATIENCE = 3;

/**
 * The program of the process that draws, with the path of sharp, megapixels, seconds and megabytes as arguments. On
 * stdout a line of JSON, `{width, height}` (with `pixels: true` where they follow) or `{error}`; then the pixels.
 * A thread of sharp draws, so that the timer runs meanwhile.
 */
const PROGRAM = `
const [path, pixels, seconds, megabytes] = process.argv.slice(1);
setInterval(() => {
  const { user, system } = process.cpuUsage();
  if ((user + system) / 1e6 > seconds || process.memoryUsage.rss() / 2 ** 20 > megabytes)
    process.kill(process.pid, "SIGKILL");
}, 20).unref();
const answer = (head, data) => {
  process.stdout.write(JSON.stringify(head) + "\\n");
  if (data) process.stdout.write(data);
};
const draw = async (bytes) => {
  const sharp = require(path);
  const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
  if (width * height > pixels) return answer({ width, height });
  const white = sharp(bytes, { limitInputPixels: false }).flatten({ background: "white" }).toColourspace("srgb");
  answer({ width, height, pixels: true }, await white.raw().toBuffer());
};
const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", () => draw(Buffer.concat(chunks)).catch(({ message }) => answer({ error: message })));
`;

/**
 * Draws an SVG on white, in a process of its own: librsvg cannot be interrupted, and a few lines of filters, patterns
 * or repeated elements may take it hours and all memory, or overflow its stack. It gets the bytes, not the path, and
 * so opens no other file and no address.
 *
 * @param limits of a drawing with more pixels only the size is returned
 * @throws Error when it cannot be drawn, or takes more time or memory
 */
export async function drawSvg(
  bytes: Uint8Array,
  limits: DrawingLimits,
): Promise<Size & { pixels?: Picture["pixels"] }> {
  const sharp = createRequire(import.meta.url).resolve("sharp");
  const { pixels: most, seconds, megabytes } = limits;
  const child = spawn(
    process.execPath,
    ["-e", PROGRAM, ...[sharp, most, seconds, megabytes].map(String)],
    // What librsvg warns of is not shown.
    { stdio: ["pipe", "pipe", "ignore"], timeout: PATIENCE * seconds * 1000, killSignal: "SIGKILL" },
  );
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  // One that ends early reads no more; how it ended says why.
  child.stdin.on("error", () => undefined);
  child.stdin.end(bytes);
  const end = await new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const said = Buffer.concat(chunks);
  const line = said.indexOf("\n");
  if (end === "SIGKILL") throw new Error(`drawing it takes more than ${seconds} s or ${megabytes} MB of memory`);
  if (line < 0) throw new Error(`drawing it ended with ${end}`);
  const { error, width, height, pixels } = JSON.parse(said.toString("utf8", 0, line));
  if (error !== undefined) throw new Error(error);
  return { width, height, ...(pixels ? { pixels: said.subarray(line + 1) } : {}) };
}
