/**
 * Puts generated parts into a document, each between its marks `<!-- NAME -->` and `<!-- /NAME -->`.
 *
 * @param name of the document, for the error
 * @throws Error when a mark is missing
 */
export function fill(name: string, document: string, parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).reduce((text, [part, content]) => {
    const [open, close] = [`<!-- ${part} -->\n`, `<!-- /${part} -->`];
    const [from, to] = [text.indexOf(open), text.indexOf(close)];
    if (from < 0 || to < from) throw new Error(`${name}: has no place for the part "${part}".`);
    return text.slice(0, from + open.length) + content + text.slice(to);
  }, document);
}
