/**
 * The built-in masks: what looks like a secret, an e-mail address, a card or a phone number becomes a short marker.
 *
 * They see JSON as well as plain text, and JSON in JSON (the arguments of a tool call): a quote may stand behind backslashes,
 * and the `n` of an escaped line end is no part of the word after it.
 *
 * Each takes time in proportion to the text, whatever is in it. A pattern that scans ahead without a bound does so either from
 * places that its own class of characters cannot hold, or up to a place where the next scan begins.
 *
 * @module
 */
import type { Mask } from "./text.ts";

const r = String.raw;
/** Where a word of these characters begins: not within one, but for the character of an escape, and not within an escape. */
const start = (chars: string) => r`(?<!(?<!\\|\\u[\da-f]{3})[${chars}])(?<!\\(?=[bfnrt]))`;
/** A word with this head: looking for the head first, and only then at what is before it, is ten times as fast. */
const word = (head: string, rest: string, chars = r`\w`) => `${head}(?<=${start(chars)}${head})${rest}`;
const quote = r`\\{0,7}["'\x60]`;
const letter = r`\w\u00c0-\u024f\u0400-\u04ff`;
const gap = r`[ \t]{0,8}`;

const secretKey = "pass(?:word|wd|phrase|code)|pwd|secret|token|credentials?|authorization|" +
  "(?:api|access|auth|private|secret|service)[ _-]?key";
/** Words of prose and code, of which a value without quotes is none: `token: string`, `token => token.id`, "password: at least". */
const plain = r`[a-z$_.\u00c0-\u04ff-]{1,40}[,;:!?]{0,3}(?![^\s"'\x60\\()[\]{}<>|])`;
/** Values of such a key: in quotes, or up to where a value ends. */
const quoted = r`(${quote})(?!\2)[^\n]*?(?:(?<!\\)\2|(?=\n|$))`;
const bare =
  r`(?!null|true|false|undefined|None|["'\x60[{(\\=>])(?:(?:basic|bearer|token) |(?<=[^\s=]=)|(?!${plain}))` +
  r`[^\s"'\x60&\\]*[^\s"'\x60&\\,;.)}\]>]`;

const tokens = [
  // Not the name of a library such as sk-learn: one character at least is no small letter.
  word(
    "(?:(?:[rs]k|glpat|x[ao][a-z]{1,2}|pplx)-|(?:SG|ya29)\\.|" +
      "(?:hf|npm|gsk|r8|sbp|sb_secret|whsec|[prs]k_(?:live|test)|tgk|gh[oprsu]|github_pat|dop_v1)_|AIza)",
    r`(?=[\w-]{0,60}[\dA-Z])[\w-]{16,}(?:\.[\w-]{16,})?`,
  ),
  word("A(?:KI|SI)A", r`[\dA-Z]{16}`),
  // A JSON web token.
  word("eyJ", r`[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)*`, r`\w-`),
].join("|");

/** `needle`: what a text must contain for the pattern to be worth its time. */
const RULES = ([
  ["-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*(?:-----END[A-Z ]{0,40}-----)?", "[secret]"],
  // User and password in a URL.
  [r`(://)(?!@)[^\s/?#@"'\\<>:]*(?::[^\s/"'\\<>]*)?@`, "$1[secret]@"],
  // Headers may come in pairs of strings. An LLM's tokens are words: `{"token":" the","logprob":-0.1}`.
  [
    r`((?:${secretKey})(?:${quote})?${gap}(?:=>|:|={1,3}|(?<=(?:ization|api-key)${quote}),)${gap})(?![^\n]{0,80}?",\s{0,20}\\{0,7}"logprob)(?:${quoted}|${bare})`,
    "$1$2[secret]$2",
  ],
  // Cookies; and in URLs signatures, keys, and webhooks, which are secrets as they are.
  [
    r`(cookie(?:${quote})?${gap}:[^=\n]{1,99}=|[?&;]key=|sig(?:nature)?=|slack\.com/services/|/api/webhooks/)(?:[\w.%~+/=-]|; )+`,
    "$1[secret]",
  ],
  // Of a Telegram bot; in a URL it stands behind "bot".
  [r`(?<!\d)\d{6,12}(?::|%3A)[\w-]{35,}`, "[secret]"],
  // Not a word such as in "bearer authentication".
  [r`(bearer\s{1,4})(?![a-z._/-]{0,23}(?![\w~+]))[\w.~+/-]{8,}=*`, "$1[secret]"],
  [tokens, "[secret]", "g"],
  [
    r`${
      start(letter + ".%+-")
    }(?!git@)[${letter}.%+-]+@(?!\dx\.)(?:[${letter}-]+\.)+(?!\d|(?:[jt]sx?|png)\b)[${letter}]{2,}`,
    "[email]",
    "gi",
    "@",
  ],
  // Telegram's contacts have numbers without a plus.
  [
    r`((?<!micro)phone(?:[ _-]?number)?(?:${quote})?${gap}[:=]${gap}(?:${quote})?)\+?\d[\d ().-]{5,18}\d`,
    "$1[phone]",
  ],
  // Nine digits at least, and no date.
  [
    word(
      r`\+`,
      r`(?!\d\d? \d{4}-)\d(?:[ ().\u00a0-]{0,2}\d){8,14}(?!\d)`,
      r`\w+`,
    ),
    "[phone]",
  ],
  // Digits with single spaces or dashes between them, though not the end of a UUID or of a fraction.
  [word(r`\d`, r`(?<!(?:\d[.,]|[\da-f]{4}-)\d)(?:[ -]?\d){12,}(?![a-z\d])`, r`a-z\d`), maskCards],
] satisfies [pattern: string, marker: string | typeof maskCards, flags?: string, needle?: string][]).map((
  [pattern, marker, flags = "gi", needle = ""],
) => [new RegExp(pattern, flags), marker as string, needle] as const);

/** First digits and lengths of the card networks; timestamps and Telegram's ids of chats begin otherwise. */
const CARD = /^(?:4(?:\d{3}){4,6}|(?:2[2-7]|35|5[0-8])\d{14}|3[04678]\d{12,13}|6\d{15,18})$/;

/** A card may have neighbours: "2 4111 1111 1111 1111". */
function maskCards(run: string): string {
  const parts = run.split(/([ -])/);
  for (let first = 0; first < parts.length; first += 2) {
    // However people group them, four stand together at the start.
    if (parts[first]!.length < 4) continue;
    let digits = "";
    for (let last = first; last < parts.length && digits.length < 19; last += 2) {
      digits += parts[last];
      if (!CARD.test(digits) || !isLuhn(digits)) continue;
      parts.splice(first, last - first + 1, "[card]");
      break;
    }
  }
  return parts.join("");
}

/** Each second digit from the right counts as the digits of its double. */
const isLuhn = (digits: string): boolean =>
  [...digits].reverse().reduce((sum, digit, i) => sum + Number(i % 2 ? "0246813579"[+digit] : digit), 0) % 10 === 0;

export function maskDefaults(text: string): string {
  for (const [pattern, marker, needle] of RULES) if (text.includes(needle)) text = text.replace(pattern, marker);
  return text;
}

/** The built-in masks unless they are off, then the author's own. */
export function maskOf(mask: Mask = (text) => text, defaultMasks = true): Mask {
  return defaultMasks ? (text) => mask(maskDefaults(text)) : mask;
}
