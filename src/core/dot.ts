/**
 * The dot product of two vectors of one length, in float64. Every product that a selection makes on values that were
 * read out goes through here, so that such products can be watched like those of tensors.
 */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
