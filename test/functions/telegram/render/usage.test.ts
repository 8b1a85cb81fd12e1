import { expect, test } from "vitest";
import { renderUsage } from "../../../../functions/telegram/render/usage.ts";
import { shown } from "../traces_fixture.ts";

test("of nothing", () => {
  expect(shown(renderUsage())).toBe(
    `Tracegram

/admin – how things stand
/admin traces error support 24h – runs, filtered
/admin trace 0194bc1f – one run, by the start of its id
/admin help – everything else
[Traces] [Help] [🏠]`,
  );
});

test("of a word that is not known", () => {
  expect(shown(renderUsage("tarces"))).toBe(
    `I do not know “tarces”.

/admin – how things stand
/admin traces error support 24h – runs, filtered
/admin trace 0194bc1f – one run, by the start of its id
/admin help – everything else
[Traces] [Help] [🏠]`,
  );
});

test.each(
  [
    ["twice", "With “lost” the same is said twice: which one do you mean?"],
    ["id", "There must be an id at “lost”: a number, such as 601."],
    ["window", "There is no window “lost”, but 1h, 24h, 7d and 30d."],
  ] as const,
)("says what is wrong with a word: %s", (why, words) => {
  expect(shown(renderUsage("lost", why)).split("\n")[0]).toBe(words);
});

test("of a hostile word", () => {
  expect(shown(renderUsage("<b>\u202E" + "x".repeat(300)))).toBe(
    `I do not know “<b>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…”.

/admin – how things stand
/admin traces error support 24h – runs, filtered
/admin trace 0194bc1f – one run, by the start of its id
/admin help – everything else
[Traces] [Help] [🏠]`,
  );
});
