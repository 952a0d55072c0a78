import { tokensOf } from "./template-lexer.js";
import { parse } from "./template-values.js";

/**
 * A template as the parts that @huggingface/jinja makes of it.
 *
 * @param {string} source
 * @throws Error naming the line and what was not understood there
 */
export function parsed(source) {
  const tokens = tokensOf(source);
  let furthest = 0;
  // The parser's own messages name neither the place nor what stands there.
  const watched = new Proxy(tokens, {
    get(target, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) furthest = Math.max(furthest, Number(key));
      return Reflect.get(target, key);
    },
  });
  try {
    return parse(watched);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    const token = tokens[furthest];
    if (!token) throw new Error("a block has no end");
    throw new Error(`line ${token.line}: is not understood at ${JSON.stringify(token.value.slice(0, 40))}`);
  }
}
