import { DIRECTIONS, type Phrase, Reader, readPhrase } from "./grammar.ts";

/**
 * A second reading of the world's questions, from their text alone: a small grammar and a plain solver
 * that share no code with src/world. It knows nothing of margins: what is asked must come out the same
 * whether "left" is judged by the middles of shapes or by their edges.
 */
export type Reading = "middles" | "edges";

interface Facts {
  readonly shape: string;
  readonly colour: string;
  readonly size: string;
  readonly box: readonly number[];
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
  const { relation, location } = phrase;
  if (relation) {
    const anchor = one(meant(shapes, relation.anchor, reading));
    found = found.filter((candidate) => isBeside(candidate, relation.direction, anchor, reading));
  }
  if (location) {
    const axis = location === "left" || location === "right" ? 0 : 1;
    const sign = location === "left" || location === "top" ? 1 : -1;
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
