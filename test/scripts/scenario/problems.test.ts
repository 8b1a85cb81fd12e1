/** What is wrong with a scenario is said with its place and what to do. */
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeFolder, yaml } from "./_support.ts";

type Case = [what: string, file: string, ...says: string[]];

const turn = (...lines: string[]) => ["title: A title", "turns:", ...lines.map((line) => `  ${line}`), ""].join("\n");

const CASES: Case[] = [
  ["no YAML", "title: [a\nturns: x\n", "2:1: is no YAML: "],
  ["a key twice", yaml("title: Another"), "4:1: is no YAML: Map keys must be unique"],
  ["two documents", yaml("---", "title: b"), ": is no YAML: Source contains multiple documents"],
  ["nothing", "", "1:1: A scenario takes a mapping, and nothing is written there."],
  ["a list", "- say: hi\n", "1:1: A scenario takes a mapping, not a list."],
  ["no turns", "title: A title\n", "1:1: A scenario needs `turns`."],
  ["turns that are none", "title: A title\nturns: []\n", "2:8: turns is empty."],
  ["turns without a value", "title: A title\nturns:\n", "2:1: turns takes a list, and nothing is written there."],
  ["an unknown key", yaml("colour: red"), "4:1: A scenario has no `colour`. It takes title, smoke, models, "],
  ["a typing error", yaml("    expcet: {}"), "4:5: turns[0] has no `expcet`. Did you mean `expect`?"],
  [
    "one deep inside",
    yaml("    expect:", "      text: { contain: x }"),
    "5:15: turns[0].expect.text has no `contain`. Did you mean `contains`?",
  ],
  [
    "one in a list",
    yaml("    expect:", "      text:", "        - equals: x", "        - matchs: x"),
    "7:11: turns[0].expect.text[1] has no `matchs`. Did you mean `matches`?",
  ],
  ["a function in YAML", yaml("    expect:", "      check: x"), "5:7: turns[0].expect has no `check`. It takes text, "],
  [
    "a number for a text",
    turn("- say: 4711"),
    '3:10: turns[0].say takes a text, not a number. Put it in quotes: "4711".',
  ],
  ["a text for a number", yaml("timeout_ms: soon"), "4:13: timeout_ms takes a whole number, not a text."],
  ["a fraction", yaml("timeout_ms: 1.5"), "4:13: timeout_ms takes a whole number, not 1.5."],
  [
    "a text for a mapping or a list",
    yaml("    expect:", "      text: hello"),
    "5:13: turns[0].expect.text takes a mapping, or a list of them, not a text.",
  ],
  [
    "too small a number",
    yaml("expect:", "  max_cost_usd: -1"),
    "5:17: expect.max_cost_usd must be at least 0, not -1.",
  ],
  [
    "too small a number of a step",
    yaml("expect:", "  max_step_ms: { a.b: -1 }"),
    '5:23: expect.max_step_ms["a.b"] must be at least 0, not -1.',
  ],
  [
    "too large a mark",
    yaml("expect:", "  judge: { rubric: x, pass: 7 }"),
    "5:29: expect.judge.pass must be at most 1, not 7.",
  ],
  [
    "no choice",
    yaml("expect:", "  json: { of: trcae, path: $ }"),
    "5:15: expect.json.of must be one of message, text, trace, not `trcae`. Did you mean `trace`?",
  ],
  [
    "a turn without an act",
    turn("- say: hi", "- expect: {}"),
    "4:5: turns[1] does nothing. Give it one of say, press, ",
  ],
  [
    "a turn of two acts",
    turn("- say: hi", "- say: a", "  press: b"),
    "4:5: turns[1] does 2 things: say, press. Make a turn of each.",
  ],
  ["a press before anything", turn("- press: Yes"), "3:5: turns[0] presses a button, and the bot has sent none yet."],
  ["a text of spaces", turn("- say: ' '"), "3:10: turns[0].say is empty."],
  [
    "too long a text",
    turn(`- say: ${"x".repeat(4097)}`),
    "3:10: turns[0].say is longer than Telegram takes: 4097 characters of 4096.",
  ],
  ["too long a caption", turn(`- photo: { caption: ${"x".repeat(1025)} }`), "3:23: turns[0].photo.caption is longer"],
  [
    "too much data",
    turn("- say: hi", `- press_data: ${"я".repeat(33)}`),
    "4:17: turns[1].press_data has 1 to 64 bytes, not 66.",
  ],
  [
    "an empty expectation",
    yaml("    expect:", "      text: {}"),
    "5:13: turns[0].expect.text expects nothing. Give it one of equals, ",
  ],
  [
    "no regular expression",
    yaml("expect:", "  text: { matches: 'a(' }"),
    "5:20: expect.text.matches is no regular expression: ",
  ],
  [
    "flags that are none",
    yaml("expect:", "  text: { matches: /a/xyz }"),
    "5:20: expect.text.matches is no regular expression: ",
  ],
  [
    "one of JSON",
    yaml("expect:", "  json: { path: $.a, matches: '[' }"),
    "5:31: expect.json.matches is no regular expression: ",
  ],
  [
    "no JSON path",
    yaml("expect:", "  json: { path: a.b }"),
    "5:17: expect.json.path is no JSON path, such as `$.reply_markup`: `a.b`, ",
  ],
  [
    "an open bracket",
    yaml("expect:", "  json: { path: \"$.a[?@.b == ']'\" }"),
    "5:17: expect.json.path is no JSON path",
  ],
  [
    "a step that must and must not run",
    yaml("expect:", "  steps: [a, b]", "  not_steps: [b]"),
    "6:14: expect wants the step `b`, and wants that it has not run.",
  ],
  ["an empty rubric", yaml("expect:", "  judge: { rubric: ' ' }"), "5:20: expect.judge.rubric is empty."],
  ["no JSON number", yaml("expect:", "  max_tokens: .inf"), "5:3: Infinity is no number in JSON."],
  [
    "a key that JavaScript does not take",
    yaml("expect:", "  max_step_ms: { __proto__: 1 }"),
    "5:18: `__proto__` cannot be a key.",
  ],
  ["an alias of nothing", yaml("expect: *nope"), "1:1: has an alias (`*name`) that cannot be followed: Unresolved"],
  ["an alias of itself", "title: A title\nturns: &t [*t]\n", "turns[0] is an alias of what it is a part of."],
  [
    "aliases that make much of little",
    "a: &a [x,x,x,x,x,x,x,x,x]\n" +
    [..."bcdefgh"].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefg"[i]}`)}]\n`).join(""),
    "that cannot be followed: Excessive alias count",
  ],
  [
    "what an alias stands for",
    turn("- say: hi", "  expect: &e { max_tokens: -1 }") + "expect: *e\n",
    "4:30: expect.max_tokens must be at least 0, not -1.",
    "4:30: turns[0].expect.max_tokens must",
  ],
];

test.for(CASES)("%s", async ([, text, ...says]) => {
  const folder = makeFolder({ "scenarios/a.yaml": text });
  const { code, complained } = await folder.scenario(["index"]);
  expect(code).toBe(1);
  for (const words of says) expect(complained).toContain(words);
  expect(complained).toContain(`${folder.shown("scenarios/a.yaml")}:`);
  expect(complained).toMatch(/\n\nWhat to do: change these files/);
  expect(folder.has("scenarios/all.ts")).toBe(false);
});

test("all problems of all files at once, and one for each", async () => {
  const { scenario, shown } = makeFolder({
    "scenarios/a.yaml": "titel: x\nturns: []\n",
    "scenarios/b.yml": yaml("expect:", "  steps: a"),
    "scenarios/good.yaml": yaml(),
  });
  expect((await scenario(["index"])).complained.split("\n").slice(0, -2)).toEqual([
    `${shown("scenarios/a.yaml")}:1:1: A scenario needs \`title\`.`,
    `${shown("scenarios/a.yaml")}:1:1: A scenario has no \`titel\`. Did you mean \`title\`?`,
    `${shown("scenarios/a.yaml")}:2:8: turns is empty.`,
    `${shown("scenarios/b.yml")}:5:10: expect.steps takes a list, not a text.`,
  ]);
});

test.for<[string, Record<string, string | Uint8Array>, string]>([
  [
    "two files of one name",
    { "scenarios/a.yaml": yaml(), "scenarios/a.ts": "export default {};" },
    "there are two scenarios `a`",
  ],
  [
    "a name that is none",
    { "scenarios/A b.yaml": yaml() },
    "cannot be a scenario's name: that is 1 to 40 of a to z, 0 to 9 and -",
  ],
  ["a long name", { [`scenarios/${"a".repeat(41)}.yaml`]: yaml() }, "cannot be a scenario's name"],
  ["another file", { "scenarios/notes.md": "" }, "is no scenario: those end in .yaml, .yml or .ts."],
  ["a recording of nothing", { "recordings/a.json": "[]" }, "is of no scenario: there is no `a`. Rename or delete it."],
  ["a recording that is cut", { "scenarios/a.yaml": yaml(), "recordings/a.json": "[" }, "is no JSON: "],
  [
    "a recording that is cut, with what to do",
    { "scenarios/a.yaml": yaml(), "recordings/a.json": "[" },
    "delete it, and record it anew: npm run synthetic -- release a --record",
  ],
  [
    "a recording of another form",
    { "scenarios/a.yaml": yaml(), "recordings/a.json": '[{"key": 1}]' },
    "is no list of recorded calls",
  ],
  [
    "TypeScript that cannot be loaded",
    { "scenarios/a.ts": 'throw new Error("no");' },
    "a.ts:1:1: cannot be loaded: no",
  ],
  [
    "another encoding",
    { "scenarios/a.yaml": Buffer.from("title: A title\nturns:\n  - say: für\n", "latin1") },
    "a.yaml:3:11: is not UTF-8 from here on. Save it as UTF-8.",
  ],
  [
    "another encoding of TypeScript",
    { "scenarios/a.ts": Buffer.from("export default { title: 'ü', turns: [{ say: 'ü' }] };\n", "latin1") },
    "a.ts:1:26: is not UTF-8 from here on.",
  ],
  [
    "UTF-16",
    { "scenarios/a.yaml": Buffer.from(`\uFEFF${yaml()}`, "utf16le") },
    "a.yaml:1:1: is not UTF-8 from here on.",
  ],
  [
    "a file that is too large",
    { "scenarios/a.yaml": yaml(`# ${"x".repeat(256 * 1024)}`) },
    "a.yaml:1:1: is too large: 257 kB of 256. Make several scenarios of it.",
  ],
  ["TypeScript without a default", { "scenarios/a.ts": "export const a = 1;" }, "a.ts:1:1: has no default export."],
])("%s", async ([, files, says]) => {
  const { scenario } = makeFolder(files);
  const { code, complained } = await scenario(["index"]);
  expect([code, complained]).toEqual([1, expect.stringContaining(says)]);
});

test("a folder, and links to nothing and to themselves, that are named as scenarios are", async () => {
  const { dir, scenario, shown } = makeFolder({ "scenarios/good.yaml": yaml() });
  const at = (name: string) => join(dir, "scenarios", name);
  mkdirSync(at("a.yaml"));
  symlinkSync("nowhere.yaml", at("b.ts"));
  symlinkSync("c.yaml", at("c.yaml"));
  symlinkSync("good.yaml", at("d.yaml"));
  const { code, complained } = await scenario(["index"]);
  expect(code).toBe(1);
  expect(complained.split("\n").slice(0, -2)).toEqual([
    `${shown("scenarios/a.yaml")}:1:1: is a folder, and no scenario. Move or delete it.`,
    `${shown("scenarios/b.ts")}:1:1: is a link to what is not there. Delete it, or let it lead to a scenario.`,
    expect.stringContaining(`${shown("scenarios/c.yaml")}:1:1: cannot be read: ELOOP`),
  ]);
});

test.for<[string, string]>([
  [
    "export default defineScenario({\n  title: 'x',\n  turns: [{ say: 'a', press: 'b' }],\n});",
    "3:11: turns[0] does 2 things",
  ],
  [
    "const turns = [\n  { say: 5 },\n];\nexport default { title: 'x', turns } as never;",
    "4:30: turns[0].say takes a text",
  ],
  [
    "const s = {\n  title: 'x',\n  turnz: [],\n  turns: [{ say: 'a' }],\n};\nexport default s;",
    "3:3: A scenario has no `turnz`.",
  ],
  ["export default (() => ({ title: 'x', turns: [] }))();", "1:16: turns is empty."],
])("of TypeScript the place is that of the value, or of what is around it: %s", async ([source, says]) => {
  const folder = makeFolder({
    "scenarios/a.ts": `import { defineScenario } from "../define.ts"; void defineScenario;\n${source}`,
  });
  const [line, rest] = [Number(says.split(":")[0]) + 1, says.replace(/^\d+/, "")];
  expect((await folder.scenario(["index"])).complained).toContain(`${folder.shown("scenarios/a.ts")}:${line}${rest}`);
});
