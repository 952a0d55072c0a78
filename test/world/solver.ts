/**
 * A second reading of the world's questions, from their text alone: a small grammar and a plain solver
 * that share no code with src/world. It knows nothing of margins: what is asked must come out the same
 * whether "left" is judged by the middles of shapes or by their edges.
 */

interface Facts {
  readonly shape: string;
  readonly colour: string;
  readonly size: string;
  readonly box: readonly number[];
}

interface Phrase {
  size?: string;
  colour?: string;
  shape?: string;
  place?: string;
  relation?: { direction: string; anchor: Phrase };
}

export type Reading = "middles" | "edges";

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
const DIRECTIONS: Record<string, string> = {
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
class Reader {
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

function readPhrase(reader: Reader, inPlural = false): Phrase {
  const phrase: Phrase = {};
  phrase.place = reader.takeOne(BEFORE);
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
  phrase.place ??= reader.back(() => {
    const place = reader.takeOne(AFTER);
    return place && (reader.take("side") || reader.take("of")) ? undefined : place;
  });
  phrase.relation = reader.back(() => {
    for (const joint of ["that is", "which is", "that lies"]) if (reader.take(joint)) break;
    const direction = reader.takeOne(DIRECTIONS);
    return direction && reader.take("the") ? { direction, anchor: readPhrase(reader) } : undefined;
  });
  return phrase;
}

function isBeside(one: Facts, direction: string, other: Facts, reading: Reading): boolean {
  if (direction === "right") return isBeside(other, "left", one, reading);
  if (direction === "below") return isBeside(other, "above", one, reading);
  const axis = direction === "left" ? 0 : 1;
  if (reading === "edges") return one.box[axis + 2] < other.box[axis];
  return one.box[axis] + one.box[axis + 2] < other.box[axis] + other.box[axis + 2];
}

/** The shapes that a phrase means. */
function meant(shapes: readonly Facts[], phrase: Phrase, reading: Reading): Facts[] {
  let found = shapes.filter(
    (one) =>
      (!phrase.shape || one.shape === phrase.shape) &&
      (!phrase.colour || one.colour === phrase.colour) &&
      (!phrase.size || one.size === phrase.size),
  );
  const { relation, place } = phrase;
  if (relation) {
    const anchor = one(meant(shapes, relation.anchor, reading));
    found = found.filter((candidate) => isBeside(candidate, relation.direction, anchor, reading));
  }
  if (place) {
    const axis = place === "left" || place === "right" ? 0 : 1;
    const sign = place === "left" || place === "top" ? 1 : -1;
    const outer = ({ box }: Facts): number =>
      sign * (reading === "middles" ? box[axis] + box[axis + 2] : box[sign === 1 ? axis : axis + 2]);
    const furthest = Math.min(...found.map(outer));
    found = found.filter((candidate) => outer(candidate) === furthest);
  }
  return found;
}

function one(found: readonly Facts[]): Facts {
  if (found.length !== 1) throw new Error(`${found.length} referents instead of one`);
  return found[0];
}

const YES_NO = (truth: boolean): string => (truth ? "yes" : "no");

/**
 * The answer to a question, read from its text alone.
 *
 * @throws Error when the text does not follow the grammar, or when a phrase has not exactly one referent
 */
export function solve(shapes: readonly Facts[], text: string, reading: Reading): string | readonly number[] {
  const reader = new Reader(text);
  const the = (): Phrase => {
    reader.must("the");
    return readPhrase(reader);
  };
  const referent = (phrase: Phrase): Facts => one(meant(shapes, phrase, reading));
  const finish = <T>(phrase: T): T => {
    reader.end();
    return phrase;
  };
  const opens = (...openings: string[]): boolean => openings.some((opening) => reader.take(opening));

  if (opens("how many", "count the", "what is the number of")) {
    const phrase = readPhrase(reader, true);
    opens("are there", "are in the picture", "do you see", "does the image show");
    return finish(String(meant(shapes, phrase, reading).length));
  }
  if (opens("is there a", "do you see a", "can you see a", "does the picture show a", "does the image contain a")) {
    const phrase = readPhrase(reader);
    opens("in the picture", "in the image");
    return finish(YES_NO(meant(shapes, phrase, reading).length > 0));
  }
  if (opens("what colour is", "what color is", "what is the colour of", "tell me the colour of"))
    return finish(referent(the())).colour;
  if (opens("what shape is", "what is the shape of", "what kind of shape is", "tell me the shape of"))
    return finish(referent(the())).shape;
  if (opens("which colour does")) {
    const phrase = the();
    reader.must("have");
    return finish(referent(phrase)).colour;
  }
  if (opens("which shape does")) {
    const phrase = the();
    reader.must("have");
    return finish(referent(phrase)).shape;
  }
  if (opens("find", "locate", "point to", "show me", "give the box of", "what is the bounding box of", "where is"))
    return finish(referent(the())).box;

  const side = (target: Phrase, anchor: Phrase, choices: string[]): string => {
    const right = choices.filter((direction) => isBeside(referent(target), direction, referent(anchor), reading));
    if (right.length !== 1) throw new Error(`${right.length} sides are right`);
    return right[0];
  };
  if (opens("on which side of")) {
    const anchor = the();
    reader.must("is");
    const target = the();
    reader.must(", left or right");
    return finish(side(target, anchor, ["left", "right"]));
  }
  if (opens("which is true of")) {
    const target = the();
    reader.must(": is it above or below");
    return finish(side(target, the(), ["above", "below"]));
  }
  const isClaim = opens("is it true that");
  if (!isClaim && !opens("is", "does", "do you see")) throw new Error(`no question: ${text}`);
  const target = the();
  if (isClaim) reader.must("is");
  const lies = reader.take("lie");
  if (opens("left or right of", "to the right or to the left of"))
    return finish(side(target, the(), ["left", "right"]));
  if (opens("above or below", "below or above")) return finish(side(target, the(), ["above", "below"]));
  if (lies) throw new Error(`no side: ${text}`);
  // "Is the star above the ring?" reads as one phrase with a relation: the relation is what is claimed.
  const claim = target.relation ?? { direction: reader.takeOne(DIRECTIONS) ?? "", anchor: the() };
  reader.end();
  return YES_NO(
    isBeside(referent({ ...target, relation: undefined }), claim.direction, referent(claim.anchor), reading),
  );
}
