import { backgroundSvg, hex } from "../../../../src/world/background.ts";
import { centre, corners, RING_HOLE } from "../../../../src/world/geometry.ts";
import type { SceneShape } from "../../../../src/world/scene.ts";
import type { DrawnScene } from "../model/protocol.ts";

/** A scene as a part of a drawing, `side` wide and high. */
export function SceneShapes({ scene, side }: { readonly scene: DrawnScene; readonly side: number }) {
  return (
    <g transform={`scale(${side})`}>
      {/* Numbers and colours of the scene alone: no text of a reader comes in here. */}
      <g clip-path="inset(0)" dangerouslySetInnerHTML={{ __html: backgroundSvg(scene.background) }} />
      {scene.shapes.map((shape, i) => (
        <ShapeDrawing key={i} shape={shape} />
      ))}
    </g>
  );
}

/** A shape in the unit square. */
export function ShapeDrawing({ shape: { shape, box, rgb } }: { readonly shape: SceneShape }) {
  const points = corners(shape, box);
  if (points) return <polygon points={points.map((point) => point.join(",")).join(" ")} fill={hex(rgb)} />;
  const [cx, cy] = centre(box);
  const radius = (box[2] - box[0]) / 2;
  if (shape === "circle") return <circle {...{ cx, cy }} r={radius} fill={hex(rgb)} />;
  const stroke = radius * (1 - RING_HOLE);
  return <circle {...{ cx, cy }} r={radius - stroke / 2} fill="none" stroke={hex(rgb)} stroke-width={stroke} />;
}
