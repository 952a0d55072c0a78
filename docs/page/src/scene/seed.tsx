import { batch, signal } from "@preact/signals";
import { useId } from "preact/hooks";
import { SEEDS_PER_SPLIT } from "../../../../src/world/splits.ts";
import { Slider } from "../controls.tsx";
import { fitQuestion } from "../offered.ts";
import { changedShapes, scene, seed } from "../state/state.ts";
import { edit } from "./edit.ts";

/** Seeds that the slider reaches. */
const ON_SLIDER = 299;

/** What was typed and is no seed. */
const refused = signal<string | undefined>(undefined);

/** Another scene; changes of the old one are lost, and so is a question that does not fit it. */
function take(value: number): void {
  refused.value = undefined;
  batch(() => {
    seed.value = value;
    changedShapes.value = undefined;
    edit(undefined);
    fitQuestion(scene.value);
  });
}

/** Chooses a scene by its seed: typed, by a slider, or the next. */
export function SeedControls() {
  const id = useId();
  const wrong = refused.value;
  return (
    <>
      <div class="controls">
        <div class="control">
          <label for={id}>scene</label>
          <input
            {...{ id }}
            class="typed"
            type="number"
            inputMode="numeric"
            min={0}
            max={SEEDS_PER_SPLIT - 1}
            value={wrong ?? seed.value}
            data-testid="scene-seed"
            aria-invalid={wrong !== undefined}
            aria-describedby={`${id}-wrong`}
            onInput={({ currentTarget: { value } }) => {
              const typed = Number(value);
              if (value !== "" && Number.isInteger(typed) && typed >= 0 && typed < SEEDS_PER_SPLIT) take(typed);
              else refused.value = value;
            }}
          />
        </div>
        <Slider
          label="one of the first 300"
          value={Math.min(seed.value, ON_SLIDER)}
          least={0}
          most={ON_SLIDER}
          shown={String(seed.value)}
          onValue={take}
        />
        <button type="button" onClick={() => take((seed.peek() + 1) % SEEDS_PER_SPLIT)}>
          another scene
        </button>
      </div>
      <p id={`${id}-wrong`} class="problem" role="status">
        {wrong !== undefined &&
          `A scene's seed is a whole number from 0 to ${SEEDS_PER_SPLIT - 1}. Scene ${seed.value} stays.`}
      </p>
    </>
  );
}
