import { DIGIT, stripped, wordsOf } from "../python-text.ts";

/**
 * How the VQA challenges (EvalAI) make answers comparable: lower case, no punctuation, numbers as digits, no
 * articles, apostrophes in contractions. The order and the peculiarities are those of lmms-eval, because a
 * score changes with them.
 *
 * @see https://github.com/facebookresearch/mmf, EvalAIAnswerProcessor
 */
export function normaliseAnswer(answer: string): string {
  const spaced = stripped(
    answer
      .toLowerCase()
      .replace(/[,?]/g, "")
      .replaceAll("'s", " 's")
      .replace(/[\n\t]/g, " "),
  );
  return wordsOf(withoutPunctuation(spaced))
    .map((word) => (Object.hasOwn(DIGITS, word) ? DIGITS[word] : word))
    .filter((word) => !ARTICLES.includes(word))
    .map((word) => CONTRACTIONS.get(word) ?? word)
    .join(" ");
}

const ARTICLES = ["a", "an", "the"];

const DIGITS: Readonly<Record<string, string>> = {
  ...{ none: "0", zero: "0", one: "1", two: "2", three: "3", four: "4", five: "5" },
  ...{ six: "6", seven: "7", eight: "8", nine: "9", ten: "10" },
};

/** A point that is not before a digit. */
const POINT = new RegExp(String.raw`\.(?!${DIGIT})`, "gu");
/** lmms-eval passes a flag where Python takes the number of replacements: re.UNICODE is 32. */
const MOST_POINTS = 32;

/** A mark that is at the edge of a word anywhere is removed; others become a space. A point stays before a digit only. */
function withoutPunctuation(text: string): string {
  let result = text;
  for (const mark of ';/[]"{}()=+\\_->`<@!') {
    const atEdge = text.includes(`${mark} `) || text.includes(` ${mark}`);
    result = result.replaceAll(mark, atEdge ? "" : " ");
  }
  let points = 0;
  return result.replace(POINT, (point) => (++points > MOST_POINTS ? point : ""));
}

/** Each is recognised with any one of its apostrophes left out. */
const WITH_APOSTROPHES =
  "ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've " +
  "he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've " +
  "o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's " +
  "someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've " +
  "there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's " +
  "what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've " +
  "wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've";

const CONTRACTIONS: ReadonlyMap<string, string> = new Map([
  ...WITH_APOSTROPHES.split(" ").flatMap((word) =>
    [...word.matchAll(/'/g)].map(({ index }) => [word.slice(0, index) + word.slice(index + 1), word] as const),
  ),
  // lmms-eval has this one the wrong way round.
  ["somebody'd", "somebodyd"],
]);
