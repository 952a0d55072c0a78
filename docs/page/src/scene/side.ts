/** Width and height at which scenes are drawn, in pixels: those of `SCENE_FILE_SIDE`, which `nuwa scene` writes. */
export const SCENE_SIDE = 480;
