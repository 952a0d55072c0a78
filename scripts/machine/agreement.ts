import { join } from "node:path";

/** The tests that hold every kernel and building block of the backends against each other. */
const TESTS = ["test/backend/agreement", "test/backend/native.test.ts"];

/** What Node gets to run them and write their outcome to a file. */
export function agreementCommand(project: string, file: string): string[] {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  return [join(project, "node_modules/vitest/vitest.mjs"), "run", ...TESTS, ...reporters];
}

/** The part of vitest's report that is read here. */
interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** How many tests passed, and which did not, with the first line of why. */
export function agreementSummary(report: unknown) {
  if (report === undefined) return undefined;
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = report as VitestReport;
  const failures = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === "failed")
    .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0]?.split("\n")[0]}`);
  return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests, failures };
}
