import { AREAS, type Area } from "./list.ts";
import type { Memory } from "./memory.ts";
import type { Mutation } from "./mutation.ts";

/** A row of a table, by cell. */
type Row = readonly string[];

/** Description and file of a mutation, which its row begins with. */
const keyOf = ([what, file]: Row) => `${file} ${what}`;
const startOf = ({ what, file }: Mutation): Row => [what, `\`${file}\``];

/** The marks between which the table of an area stands. */
export const markOf = ({ name }: Pick<Area, "name">) => `mutations-${name}`;

/** The rows of a table between its marks, without its head. */
export function rowsIn(document: string, area: Pick<Area, "name">): Row[] {
  const [open, close] = [`<!-- ${markOf(area)} -->`, `<!-- /${markOf(area)} -->`];
  const lines = document.slice(document.indexOf(open), document.indexOf(close)).split("\n");
  const cells = (line: string) => line.split(/(?<!\\)\|/).slice(1, -1);
  return lines
    .filter((line) => line.startsWith("|"))
    .map((line) => cells(line).map((cell) => cell.trim()))
    .slice(2);
}

/**
 * The parts of docs/invariants.md: the table of each area, in which a mutation has a row once it has been caught, and
 * how many have one. What is not known of a mutation stays as it is.
 */
export function partsOf(document: string, memory: Memory): Record<string, string> {
  const tables = AREAS.map((area) => [markOf(area), rowsOf(area, document, memory)] as const);
  const caught = tables.reduce((sum, [, rows]) => sum + rows.length, 0);
  return {
    "mutations-count": `\n${countOf(caught)}\n\n`,
    ...Object.fromEntries(tables.map(([mark, rows], i) => [mark, tableOf(AREAS[i], rows)])),
  };
}

/** Says how many mutations have been caught. */
export function countOf(caught: number): string {
  const all = AREAS.reduce((sum, { mutations }) => sum + mutations.length, 0);
  return caught === all ? `All ${all} are caught.` : `Of ${all} mutations ${caught} have been tried, and caught.`;
}

function rowsOf(area: Area, document: string, memory: Memory): Row[] {
  const before = new Map(rowsIn(document, area).map((row) => [keyOf(row), row]));
  return area.mutations.flatMap((mutation): Row[] => {
    const start = startOf(mutation);
    const caught = memory.caughtBy(mutation);
    if (!caught) return [before.get(keyOf(start))].flatMap((row) => (row ? [row] : []));
    const by = area.byLaws ? caught.title : `\`${caught.test.replace(/^test\//, "")}\``;
    return [[...start, by].map((cell) => cell.replaceAll("|", "\\|"))];
  });
}

function tableOf({ byLaws }: Area, rows: readonly Row[]): string {
  const head = ["broken", "where", byLaws ? "a law that fails" : "a test that fails, below `test/`"];
  const line = (cells: Row) => `| ${cells.join(" | ")} |`;
  return ["", line(head), line(head.map(() => "---")), ...rows.map(line), "", ""].join("\n");
}
