import fc from "fast-check";
import { SETTINGS } from "./properties/settings.ts";

// Every property draws the same cases on every machine, so that a change is what turns a run red. New cases
// come from `npm run test:deep`, which draws a new seed.
fc.configureGlobal({ seed: SETTINGS.seed });
