import { checkExamples } from "./example-checks.ts";
import { writtenExamples } from "./examples.ts";

const t = performance.now();
const c = process.cpuUsage();
const r = checkExamples(writtenExamples());
console.log(r.exported.length, r.unseen.length, r.unseen.join(", "));
console.log(r.errors.join("\n"));
console.log(performance.now() - t, process.cpuUsage(c));
