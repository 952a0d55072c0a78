import { SceneShapes } from "../figures/scene-shapes.tsx";
import { scene } from "../state/state.ts";

/** The scene, whose shapes a reader may drag and change. */
export function SceneEditor({ side }: { readonly side: number }) {
  return <SceneShapes scene={scene.value} side={side} />;
}
