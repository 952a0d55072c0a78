import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Live } from "./state/live.ts";
import "./following.css";

/** A slider with its label and its value. */
export interface SliderProps {
  readonly label: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly step?: number;
  readonly shown?: string;
  readonly onValue: (value: number) => void;
  readonly testId?: string;
}

/** A range that a reader moves by mouse, touch or arrow keys. */
export function Slider({ label, value, least, most, step = 1, shown = String(value), onValue, testId }: SliderProps) {
  const id = useId();
  return (
    <div class="control">
      <label for={id}>{label}</label>
      <input
        {...{ id, value, step }}
        type="range"
        min={least}
        max={most}
        aria-valuetext={shown}
        data-testid={testId}
        onInput={({ currentTarget }) => onValue(Number(currentTarget.value))}
      />
      <output for={id} data-testid={testId && `${testId}-value`}>
        {shown}
      </output>
    </div>
  );
}

/** A choice among a few names. */
export interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly chosen: Pick<Signal<T>, "value">;
  readonly names: readonly (T | { readonly name: T; readonly said: string })[];
  readonly testId?: string;
}

/** A list to choose from. */
export function Choice<T extends string>({ label, chosen, names, testId }: ChoiceProps<T>) {
  const id = useId();
  return (
    <div class="control">
      <label for={id}>{label}</label>
      <select
        {...{ id }}
        value={chosen.value}
        data-testid={testId}
        onChange={({ currentTarget }) => {
          chosen.value = currentTarget.value as T;
        }}
      >
        {names.map((one) => {
          const { name, said } = typeof one === "string" ? { name: one, said: one } : one;
          return (
            <option key={name} value={name}>
              {said}
            </option>
          );
        })}
      </select>
    </div>
  );
}

/** What is shown of a value that follows the state. */
export interface FollowingProps {
  readonly of: readonly Live<unknown>[];
  readonly children: ComponentChildren;
}

/** Dims what it holds, and says so in its upper corner, while it is of an earlier state. */
export function Following({ of, children }: FollowingProps) {
  const old = of.some((one) => one.old);
  return (
    <div class={old ? "following old" : "following"} aria-busy={old}>
      <div class="followed">{children}</div>
      {old && <p class="computing">computing…</p>}
    </div>
  );
}

/** What is told of a value that is being computed, or could not be. */
export function Waiting({ of }: { readonly of: Live<unknown> }) {
  if (of.problem !== undefined)
    return (
      <p class="problem" role="alert">
        {of.problem}
      </p>
    );
  return <p class="waiting">{of.busy ? "computing…" : "\u00a0"}</p>;
}
