import "./kept.css";
import { useMemo } from "preact/hooks";
import type { Box } from "../../../../src/core/boxes.ts";
import type { Grid } from "../../../../src/core/grid.ts";
import type { DrawnScene, ToldToken } from "../model/protocol.ts";
import { AnswerBox, type BoxKind } from "../steps/answer-boxes.tsx";
import { CELL, placeOf, sizeOf } from "./cell-grid.tsx";
import { SceneShapes } from "./scene-shapes.tsx";

/** A box over a scene: which one is told by its line, as {@link BoxKey} says. */
export interface MarkedBox {
  readonly kind: BoxKind;
  readonly box: Box | undefined;
  /** It is of an earlier state. */
  readonly old?: boolean;
}

/** What stays of a scene, and boxes over it. */
export interface KeptProps {
  readonly scene: DrawnScene;
  readonly grid: Grid;
  /** Undefined: nothing is known yet, and the scene stands alone. */
  readonly tokens?: readonly ToldToken[];
  /** Decoder layers. */
  readonly layers: number;
  readonly boxes?: readonly MarkedBox[];
  /** The tokens are of an earlier state. */
  readonly old?: boolean;
}

/** A scene in which dropped patches are darkened, and what a decoder layer drops is crossed by a line. */
export function Kept({ scene, grid, tokens, layers, boxes = [], old = false }: KeptProps) {
  const { width } = sizeOf(grid);
  // Where only boxes and age change, the patches stay as they are drawn.
  const cells = useMemo(() => tokens && keptCells(tokens, grid, layers), [tokens, grid, layers]);
  return (
    <>
      <SceneShapes scene={scene} side={width} />
      <g opacity={old ? 0.4 : undefined}>{cells}</g>
      {boxes.map(
        ({ kind, box, old: aged }) => box && <AnswerBox key={kind} {...{ kind, box }} old={aged} side={width} />,
      )}
    </>
  );
}

function keptCells(tokens: readonly ToldToken[], grid: Grid, layers: number) {
  const byCell = new Map(tokens.map((token) => [token.cell, token]));
  return Array.from({ length: grid.rows * grid.columns }, (_, cell) => {
    const token = byCell.get(cell);
    const { x, y } = placeOf(cell, grid);
    return (
      <g key={cell}>
        <rect {...{ x, y }} width={CELL} height={CELL} class={token ? "kept" : "dropped"} />
        {token && token.layers < layers && (
          <line class="dropped-later" x1={x + 8} y1={y + CELL - 8} x2={x + CELL - 8} y2={y + 8} />
        )}
      </g>
    );
  });
}

const SAID: Readonly<Record<BoxKind, string>> = {
  truth: "true box",
  unpruned: "box of the unpruned model",
  original: "box after pruning, with original ids",
  pruned: "box after pruning",
};

/** Says which line is whose box. */
export function BoxKey({ kinds }: { readonly kinds: readonly BoxKind[] }) {
  return (
    <ul class="key">
      {kinds.map((kind) => (
        <li key={kind}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <AnswerBox box={[0.1, 0.1, 0.9, 0.9]} kind={kind} side={24} />
          </svg>
          {SAID[kind]}
        </li>
      ))}
    </ul>
  );
}
