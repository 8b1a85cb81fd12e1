// A bot that never lets go of the process: no timeout and no Ctrl-C is heard, and still it ends, and says where it hangs.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { makeWorkplace, type Workplace } from "../_support/terminal.ts";

let place: Workplace;
afterEach(() => place?.remove());

/** A copy of the repository whose bot does `code` with each text, and whose first scenario may take a second. */
async function givenBot(code: string): Promise<void> {
  place = await makeWorkplace();
  const edit = (file: string, change: (text: string) => string) =>
    writeFileSync(join(place.dir, file), change(readFileSync(join(place.dir, file), "utf8")));
  edit("examples/support-bot/bot.ts", (text) => {
    const changed = text.replace("const shown = progress(", "weigh(ctx.text);\n    $&");
    expect(changed).not.toBe(text);
    return `${changed}
function weigh(text: string): void {
  // A line that is not there any more when it runs.
  ${code}
}
`;
  });
  edit("functions/synthetic/scenarios/refund.yaml", (text) => text.replace(/^turns:/m, "timeout_ms: 1000\n$&"));
}
const lineOf = (words: string) => {
  const lines = readFileSync(join(place.dir, "examples/support-bot/bot.ts"), "utf8").split("\n");
  return lines.findIndex((line) => line.includes(words)) + 1;
};

test.each([
  ["a loop without an end", "for (let n = 0; text; n++) Math.sqrt(n);"],
  ["a regular expression that tries too much", '/^(\\w+\\s?)*$/.test("a".repeat(60) + "!" + text);'],
])("%s is ended from outside, and its place is said", async (_, code) => {
  await givenBot(code);
  const { child, seen, ended } = place.start(["--dry-run", "refund"]);
  await expect.poll(() => seen.err, { timeout: 10_000, interval: 10 }).toContain("dry run, seed");
  await sleep(1000);
  // The event loop would have heard it.
  child.kill("SIGINT");
  const { signal, err } = await ended;
  expect(signal, err).toBe("SIGKILL");
  expect(err).toContain("refund: time is up, and code that never awaits holds this process.");
  expect(err).toContain(`    at weigh (examples/support-bot/bot.ts:${lineOf(code)})\n`);
  expect(err).toContain("What to do: ");
});

test("a pattern of an expectation is told as one", async () => {
  place = await makeWorkplace();
  writeFileSync(
    join(place.dir, "functions/synthetic/scenarios/patient.yaml"),
    "title: A pattern\ntimeout_ms: 1000\nturns: [{ say: /start, expect: { text: { matches: '^(([^#]+)+)+#$' } } }]\n",
  );
  const { signal, err } = await place.start(["release", "patient", "--dry-run"]).ended;
  expect(signal, err).toBe("SIGKILL");
  expect(err).toContain("patient: time is up");
  expect(err).toContain("That is a `matches` of its expectations.");
});

test("work of a second, and a process that was asleep, are not taken for it", async () => {
  await givenBot("for (const until = Date.now() + 1500; Date.now() < until;) Math.sqrt(text.length);");
  const { child, seen, ended } = place.start(["--dry-run", "refund"]);
  await expect.poll(() => seen.err, { timeout: 10_000, interval: 10 }).toContain("dry run, seed");
  await sleep(300);
  child.kill("SIGSTOP");
  await sleep(4000);
  child.kill("SIGCONT");
  const { code, out } = await ended;
  expect(out).toContain("turn 1, timeout: The bot was not done within 1000 ms");
  expect(code).toBe(1);
});
