/*
 * Functions that chat templates may call.
 */

/** The longest range that jinja2's sandbox allows. */
const MAX_RANGE = 100_000;

/** @param {number} start @param {number} [stop] @param {number} [step] */
export function range(start, stop, step = 1) {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const size = Math.max(0, Math.ceil((to - from) / step));
  if (!Number.isInteger(from + to + step) || step === 0) throw new Error("range takes whole numbers and a step");
  if (size > MAX_RANGE) throw new Error(`makes a range of more than ${MAX_RANGE} numbers`);
  return Array.from({ length: size }, (_, i) => from + i * step);
}

/** @param {string} format of strftime, in the few letters that dates of prompts take */
export function timeAsWritten(format) {
  const now = new Date();
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const name = (/** @type {Intl.DateTimeFormatOptions} */ options) => now.toLocaleDateString("en-US", options);
  /** @type {Readonly<Record<string, () => string>>} */
  const letters = {
    Y: () => String(now.getFullYear()),
    m: () => two(now.getMonth() + 1),
    d: () => two(now.getDate()),
    H: () => two(now.getHours()),
    M: () => two(now.getMinutes()),
    S: () => two(now.getSeconds()),
    b: () => name({ month: "short" }),
    B: () => name({ month: "long" }),
    a: () => name({ weekday: "short" }),
    A: () => name({ weekday: "long" }),
    y: () => two(now.getFullYear() % 100),
    "%": () => "%",
  };
  return format.replace(/%-?(.)/g, (written, letter) => {
    if (!letters[letter]) throw new Error(`writes the time as ${written}, which is not supported`);
    return written[1] === "-" ? letters[letter]().replace(/^0/, "") : letters[letter]();
  });
}
