/** The world of drawn shapes: scenes, pictures, questions and answers. */

export { boxText } from "./world/coordinates.ts";
export { type Misfit, misfitOf } from "./world/misfit.ts";
export type { Family, Question } from "./world/question.ts";
export { questionRandom, questionsFor } from "./world/questions.ts";
export { SCENE_FILE_SIDE } from "./world/raster.ts";
export { type Truth, truthOf } from "./world/reading.ts";
export { renderScenes, scenePng } from "./world/rendering.ts";
export { type Scene, type SceneShape, sceneOf } from "./world/scene.ts";
export { sceneFile, sceneIn } from "./world/scene-file.ts";
export { SPLITS, type Split } from "./world/splits.ts";
