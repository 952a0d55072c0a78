import { answers } from "./answers.ts";
import { boxes, firstBoxes } from "./boxes.ts";
import { configs } from "./configs.ts";
import { datasets } from "./datasets.ts";
import { drawings } from "./drawings.ts";
import { downloads, listings } from "./hub.ts";
import { forwardInputs } from "./inputs.ts";
import { journals } from "./journals.ts";
import { merges } from "./merges.ts";
import { pickles } from "./pickles.ts";
import { pictures } from "./pictures.ts";
import { safetensors } from "./safetensors.ts";
import { scenes } from "./scenes.ts";
import { tables } from "./tables.ts";
import type { Target } from "./target.ts";
import { templates } from "./templates.ts";
import { tokenizers } from "./tokenizers.ts";

/** Everything that reads what others wrote. A new parser is a file and a line here. */
export const TARGETS: readonly Target[] = [
  ...[safetensors, configs, tokenizers, templates, pickles, tables, journals, merges, pictures, drawings, scenes],
  ...[listings, downloads, forwardInputs, boxes, firstBoxes, answers, ...datasets],
];
