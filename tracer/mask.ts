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
/** Where a word of these characters begins. */
const start = (chars: string) => r`(?:(?<![\\${chars}])|(?<=\\(?:[bfnrt]|u[\da-f]{4}|(?![bfnrt]))))`;
/** A word with this head: looking for the head first, and only then at what is before it, is ten times as fast. */
const word = (head: string, rest: string, chars = "\\w") => `${head}(?<=${start(chars)}${head})${rest}`;
const quote = r`\\{0,7}["'\x60]`;
const letter = r`\w\u00c0-\u024f\u0400-\u04ff`;
const gap = r`[ \t]{0,8}`;

const secretKey = "pass(?:word|wd|phrase|code)|pwd|secret|token|credentials?|authorization|" +
  "(?:api|access|auth|private|secret|service)[ _-]?key";
/** Values of such a key: in quotes, or up to where a value ends. */
const quoted = r`(?<quote>${quote})(?!\k<quote>)[^\n]*?(?:(?<!\\)\k<quote>|$|(?=\n))`;
const bare = r`(?!null|true|false|undefined|None|["'\x60[{(\\])(?:(?:basic|bearer) )?` +
  r`[^\s"'\x60&\\]*[^\s"'\x60&\\,;.)}\]>]`;

const tokens = [
  // Not the name of a library such as sk-learn: one character at least is no small letter.
  word("(?:[rs]k-|(?:hf|npm|gsk|r8|sbp|sb_secret|whsec|[prs]k_(?:live|test))_)", r`(?=[\w-]{0,60}[\dA-Z])[\w-]{16,}`),
  word("(?:tgk|gh[oprsu]|github_pat)_", r`\w{16,}`),
  word("(?:glpat|xox[a-z]|xapp)-", r`[\w-]{10,}`),
  word("A(?:KI|SI)A", r`[\dA-Z]{16}`),
  word("AIza", r`[\w-]{30,}`),
  // A JSON web token.
  word("eyJ", r`[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)*`, r`\w-`),
].join("|");

/** `needle`: what a text must contain for the pattern to be worth its time. */
const RULES = ([
  [
    "-----",
    "-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]|-(?!----))*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
    "[secret]",
  ],
  // User and password in a URL.
  ["@", r`(://)(?:[^\s/?#@"'\\<>:]+|[^\s/?#@"'\\<>:]*:[^\s/"'\\<>]*)@`, "$1[secret]@"],
  [
    "",
    r`((?:${secretKey})(?:${quote})?${gap}(?:=>|:|={1,3})${gap})(?:${quoted}|${bare})`,
    "$1$<quote>[secret]$<quote>",
  ],
  // Of a Telegram bot; in a URL it stands behind "bot".
  ["", r`(?<!\d)\d{6,12}(?::|%3A)[\w-]{35,}`, "[secret]"],
  ["", r`(bearer\s{1,4})(?:[\w.~+/-]{24,}|(?=[\w.~+/-]{0,24}\d)[\w.~+/-]{8,})=*`, "$1[secret]"],
  ["", tokens, "[secret]", "g"],
  ["@", r`${start(letter + ".%+-")}[${letter}.%+-]+@(?!\dx\.)(?:[${letter}-]+\.)+(?!\d)[${letter}]{2,}`, "[email]"],
  // Telegram's contacts have numbers without a plus.
  ["", r`(phone(?:[ _-]?number)?(?:${quote})?${gap}[:=]${gap}(?:${quote})?)\+?\d[\d ().-]{5,18}\d`, "$1[phone]"],
  // Nine digits at least, and no date.
  ["+", word(r`\+`, r`(?!\d\d? \d{4}-)\d(?:[ ().\u00a0-]{0,2}\d){8,14}(?!\d)`, r`\w+`), "[phone]"],
] satisfies [needle: string, pattern: string, marker: string, flags?: string][]).map((
  [needle, pattern, marker, flags = "gi"],
) => [needle, new RegExp(pattern, flags), marker] as const);

/** Digits with single spaces or dashes between them, though not the end of a UUID or of a fraction. */
const DIGITS = new RegExp(
  word(r`\d`, r`(?<!(?:\d[.,]|[\da-f]{4}-)\d)(?:[ -]?\d){12,}`, r`A-Za-z\d`),
  "gi",
);

/** Leading digits and lengths of the card networks; timestamps and Telegram's ids of chats begin otherwise. */
const CARD =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|(?:5[0-8]|6\d|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|35\d{14}|6\d{16,18})$/;

function maskCards(text: string): string {
  return text.replace(DIGITS, (run: string, at: number) => {
    // The beginning of something else.
    if (/[A-Za-z]/.test(text[at + run.length] ?? "")) return run;
    // A card may have neighbours: "2 4111 1111 1111 1111".
    const parts = run.split(/([ -])/);
    for (let first = 0; first < parts.length; first += 2) {
      // However people group them, four stand together at the start.
      if (parts[first]!.length < 4) continue;
      let digits = "";
      for (let last = first; last < parts.length && digits.length < 19; last += 2) {
        digits += parts[last];
        if (digits.length < 13 || !CARD.test(digits) || !isLuhn(digits)) continue;
        parts.splice(first, last - first + 1, "[card]");
        break;
      }
    }
    return parts.join("");
  });
}

function isLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    sum += i % 2 === 0 ? digit : digit < 5 ? digit * 2 : digit * 2 - 9;
  }
  return sum % 10 === 0;
}

export function maskDefaults(text: string): string {
  for (const [needle, pattern, marker] of RULES) if (text.includes(needle)) text = text.replace(pattern, marker);
  return maskCards(text);
}

/** The built-in masks unless they are off, then the author's own. */
export function maskOf(mask: Mask | undefined, defaultMasks = true): Mask | undefined {
  if (!defaultMasks) return mask;
  return mask === undefined ? maskDefaults : (text) => mask(maskDefaults(text));
}
