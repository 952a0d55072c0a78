/** What {@link watchDots} calls for every dot product. @param length of the two vectors */
export type DotListener = (length: number) => void;

const listeners = new Set<DotListener>();

/**
 * The dot product of two vectors of one length, in float64. Every product that a selection makes on values that were
 * read out goes through here, so that such products can be watched like kernels.
 */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (const listener of listeners) listener(a.length);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * Watches every dot product from now on, so that such products can be watched like kernels.
 *
 * @returns ends the watch; further calls do nothing
 */
export function watchDots(listener: DotListener): () => void {
  // A function of its own for each call, so that one listener may watch twice.
  const own: DotListener = (length) => listener(length);
  listeners.add(own);
  return () => {
    listeners.delete(own);
  };
}
