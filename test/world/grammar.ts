/** The grammar of the world's noun phrases, for solver.ts. It shares no code with src/world. */

/** What a phrase says. */
export interface Phrase {
  size?: string;
  colour?: string;
  shape?: string;
  location?: string;
  relation?: { direction: string; anchor: Phrase };
}

const SIZES: Record<string, string> = {
  small: "small",
  little: "small",
  medium: "medium",
  large: "large",
  big: "large",
};
const COLOURS = ["red", "green", "blue", "yellow", "purple", "cyan", "black", "white"];
const NOUNS: Record<string, string | undefined> = { shape: undefined, object: undefined, thing: undefined };
for (const noun of ["circle", "square", "triangle", "star", "cross", "ring"]) NOUNS[noun] = noun;
const SINGULAR = (word: string): string => (word === "crosses" ? "cross" : word.replace(/s$/, ""));
const BEFORE: Record<string, string> = {
  left: "left",
  leftmost: "left",
  right: "right",
  rightmost: "right",
  top: "top",
  topmost: "top",
  bottom: "bottom",
  lowest: "bottom",
};
const AFTER: Record<string, string> = {
  "on the left": "left",
  "furthest to the left": "left",
  "on the right": "right",
  "furthest to the right": "right",
  "at the top": "top",
  "furthest up": "top",
  "at the bottom": "bottom",
  "furthest down": "bottom",
};
/** Phrases of direction and what they mean. */
export const DIRECTIONS: Record<string, string> = {
  "to the left of": "left",
  "left of": "left",
  "on the left side of": "left",
  "to the right of": "right",
  "right of": "right",
  "on the right side of": "right",
  above: "above",
  over: "above",
  "higher than": "above",
  below: "below",
  under: "below",
  "lower than": "below",
};

/** Reads words from left to right. */
export class Reader {
  private at = 0;
  private readonly words: string[];
  constructor(text: string) {
    this.words = text.toLowerCase().match(/[a-z]+|[?.,:]/g) ?? [];
  }
  take(phrase: string): boolean {
    const parts = phrase.split(" ");
    if (!parts.every((part, i) => this.words[this.at + i] === part)) return false;
    this.at += parts.length;
    return true;
  }
  takeOne<T>(table: Record<string, T>): T | undefined {
    // The longest first, so that "on the left side of" is not read as "on the left".
    const keys = Object.keys(table).sort((a, b) => b.length - a.length);
    const key = keys.find((one) => this.take(one));
    return key === undefined ? undefined : table[key];
  }
  must(phrase: string): void {
    if (!this.take(phrase)) throw new Error(`"${phrase}" expected at word ${this.at} of: ${this.words.join(" ")}`);
  }
  noun(inPlural: boolean): string | undefined {
    const word = this.words[this.at++] ?? "";
    const noun = inPlural ? SINGULAR(word) : word;
    if (!(noun in NOUNS) || (inPlural && noun === word)) throw new Error(`no noun: ${word} in ${this.words.join(" ")}`);
    return NOUNS[noun];
  }
  end(): void {
    if (!this.take("?")) this.must(".");
    if (this.at !== this.words.length) throw new Error(`words left over in: ${this.words.join(" ")}`);
  }
  back<T>(work: () => T | undefined): T | undefined {
    const before = this.at;
    const result = work();
    if (result === undefined) this.at = before;
    return result;
  }
}

const COLOUR_TABLE = Object.fromEntries(COLOURS.map((colour) => [colour, colour]));

/** A noun phrase without its article, at the reader's position. */
export function readPhrase(reader: Reader, inPlural = false): Phrase {
  const phrase: Phrase = {};
  phrase.location = reader.takeOne(BEFORE);
  phrase.size = reader.takeOne(SIZES);
  phrase.colour = reader.takeOne(COLOUR_TABLE);
  phrase.shape = reader.noun(inPlural);
  reader.back(() => {
    if (!reader.take("that is")) return undefined;
    const size = reader.takeOne(SIZES);
    if (size) reader.take("and");
    const colour = reader.takeOne(COLOUR_TABLE);
    if (!size && !colour) return undefined;
    Object.assign(phrase, size && { size }, colour && { colour });
    reader.take("and");
    return true;
  });
  phrase.location ??= reader.back(() => {
    const location = reader.takeOne(AFTER);
    return location && (reader.take("side") || reader.take("of")) ? undefined : location;
  });
  phrase.relation = reader.back(() => {
    for (const joint of ["that is", "which is", "that lies"]) if (reader.take(joint)) break;
    const direction = reader.takeOne(DIRECTIONS);
    return direction && reader.take("the") ? { direction, anchor: readPhrase(reader) } : undefined;
  });
  return phrase;
}
