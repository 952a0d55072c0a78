import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../..", import.meta.url));
const source = join(project, "docs/page");

/** The folder of the built page. */
export const PAGE_FOLDER = join(project, "out/page");

/** Whether the packages that build the page are installed. */
export const CAN_BUILD = existsSync(join(source, "node_modules"));

/**
 * Builds the page into {@link PAGE_FOLDER}: static files that any host takes, below any path. What builds it is a
 * package of its own, which is installed where it is not there yet.
 *
 * @throws Error naming the command that failed; what it printed stands on stderr
 */
export function buildPage(): void {
  if (!CAN_BUILD) inPage("npm", "ci", "--no-audit", "--no-fund");
  console.error("building the page: a model answers for its first figure, and all is compiled; a minute or two …");
  inPage("npm", "run", "--silent", "build", "--", "--logLevel", "warn");
}

function inPage(...command: [program: string, ...parts: string[]]): void {
  const [program, ...parts] = command;
  const { status } = spawnSync(program, parts, { cwd: source, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`docs/page: ${command.join(" ")} failed; see above.`);
}
