type Templates = readonly [string, ...string[]];

/**
 * The questions, with slots in braces: `a` "a red circle", `the` "the left circle", `other` likewise,
 * `plural` "small things", `direction` "to the left of".
 */
export const EXISTENCE_TEMPLATES: Templates = [
  "Is there {a}?",
  "Is there {a} in the picture?",
  "Do you see {a}?",
  "Can you see {a} in the image?",
  "Does the picture show {a}?",
  "Does the image contain {a}?",
];

export const COLOUR_TEMPLATES: Templates = [
  "What colour is {the}?",
  "What color is {the}?",
  "What is the colour of {the}?",
  "Which colour does {the} have?",
  "Tell me the colour of {the}.",
];

export const SHAPE_TEMPLATES: Templates = [
  "What shape is {the}?",
  "What is the shape of {the}?",
  "Which shape does {the} have?",
  "What kind of shape is {the}?",
  "Tell me the shape of {the}.",
];

export const COUNT_TEMPLATES: Templates = [
  "How many {plural} are there?",
  "How many {plural} are in the picture?",
  "How many {plural} do you see?",
  "How many {plural} does the image show?",
  "Count the {plural}.",
  "What is the number of {plural}?",
];

/** Answered by yes or no. */
export const STATEMENT_TEMPLATES: Templates = [
  "Is {the} {direction} {other}?",
  "Do you see {the} {direction} {other}?",
  "Is it true that {the} is {direction} {other}?",
];

/** Answered by a side. */
export const SIDE_TEMPLATES: Readonly<Record<"horizontal" | "vertical", Templates>> = {
  horizontal: [
    "Is {the} left or right of {other}?",
    "Is {the} to the right or to the left of {other}?",
    "On which side of {other} is {the}, left or right?",
  ],
  vertical: [
    "Is {the} above or below {other}?",
    "Does {the} lie below or above {other}?",
    "Which is true of {the}: is it above or below {other}?",
  ],
};

export const GROUNDING_TEMPLATES: Templates = [
  "Where is {the}?",
  "Find {the}.",
  "Locate {the}.",
  "Point to {the}.",
  "Show me {the}.",
  "Give the box of {the}.",
  "What is the bounding box of {the}?",
];
