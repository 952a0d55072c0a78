import type { Command } from "commander";
export function addAsk(program: Command): void {
  program.command("ask");
}
