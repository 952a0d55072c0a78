import { NuwaError } from "../core/errors.ts";
import { shown } from "../core/schema.ts";
import type { Family } from "./family.ts";
import { llava } from "./llava/family.ts";
import { llavaNext } from "./llava-next/family.ts";
import { qwen } from "./qwen2_5-vl/family.ts";

/** All families. A new one is a folder and a line here. */
export const FAMILIES: readonly Family[] = [llava, llavaNext, qwen] as unknown as readonly Family[];

/**
 * The family of a checkpoint.
 *
 * @param where the path of config.json, for errors
 * @throws NuwaError listing what is supported when it is none of them
 */
export function familyOf(where: string, config: Record<string, unknown>): Family {
  const found = FAMILIES.find(({ recognises }) => recognises(config));
  if (!found)
    throw new NuwaError(
      `${where}: field "model_type": ${shown(config.model_type)} is not supported. Supported are: ` +
        `${FAMILIES.map(({ name }) => name).join(", ")}.`,
    );
  return found;
}

/** A family by its name. @throws NuwaError when there is none */
export function familyNamed(name: string): Family {
  return familyOf("the model", { model_type: name });
}
