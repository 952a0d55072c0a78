import fc from "fast-check";
import { SETTINGS } from "./properties/settings.ts";

// Every property draws the same cases on every machine, so that a change is what turns a run red. New cases
// come from `npm run test:deep`, which draws a new seed.
fc.configureGlobal({ seed: SETTINGS.seed });

// Test files run in as many processes as there are cores: more threads in each would only wait for one another.
process.env.TF_NUM_INTRAOP_THREADS ??= "1";
process.env.TF_NUM_INTEROP_THREADS ??= "1";
