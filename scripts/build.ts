/**
 * Makes `dist/`, what the package consists of: JavaScript modules with declarations and source maps, compiled from
 * `src/`, and the files beside the sources that are read at run time.
 *
 * usage: npm run build
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("..", import.meta.url));
const [source, target] = ["src", "dist"].map((name) => join(project, name));
rmSync(target, { recursive: true, force: true });
const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
const { status } = spawnSync(process.execPath, [compiler, "--project", "tsconfig.build.json"], {
  cwd: project,
  stdio: ["ignore", 2, 2],
});
for (const file of readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".json"),
)) {
  mkdirSync(dirname(join(target, file)), { recursive: true });
  copyFileSync(join(source, file), join(target, file));
}
process.exitCode = status ?? 1;
