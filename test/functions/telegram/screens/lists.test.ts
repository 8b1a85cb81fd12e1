// The screens of lists on the real database: what a command or a button opens, to the message that an admin reads.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDb } from "../../../../functions/_shared/db.ts";
import { type Action, decodeAction, encodeAction } from "../../../../functions/telegram/callback.ts";
import { parseCommand } from "../../../../functions/telegram/command.ts";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import type { Reply, Screen } from "../../../../functions/telegram/render/screen.ts";
import type { ScreenDeps } from "../../../../functions/telegram/screens/deps.ts";
import type { WireTrace } from "../../../../tracer/wire.ts";
import { findScreen } from "../../../../functions/telegram/screens/find.ts";
import { openScreen } from "../../../../functions/telegram/screens/open.ts";
import { originScreen } from "../../../../functions/telegram/screens/origin.ts";
import { filteredScreen } from "../../../../functions/telegram/screens/traces.ts";
import { hostileTrace } from "../../../_support/hostile.ts";
import { startTestStack, type TestStack } from "../../../_support/stack.ts";
import { makeTrace } from "../../../_support/traces.ts";
import { shown, visible } from "../traces_fixture.ts";
import { noRuns } from "../runs_fixture.ts";

let stack: TestStack;
let deps: ScreenDeps;
const now = Date.now() - 60_000;
const failed = makeTrace({
  started_at: now,
  status: "error",
  error: "429 from the api",
  message_id: 77,
  steps: [{ name: "llm.answer", status: "error", offset_ms: 0, duration_ms: 9, error: "429" }],
});

/** Tests run in any order: each part of them on a stack of its own. */
function onItsOwnStack(traces: readonly WireTrace[]): void {
  beforeAll(async () => {
    stack = await startTestStack();
    const db = createDb(stack.info.api_url, stack.info.service_role_key);
    deps = { db, now: () => new Date(), actor: { user_id: 1001, chat_id: 1001, role: "owner" }, ...noRuns };
    if (traces.length > 0) {
      expect(await db.ingestTraces(stack.info.ingest_key, traces)).toMatchObject({ stored: traces.length });
    }
  });
  afterAll(() => stack?.end());
}

const screenOf = (reply: Reply): Screen => {
  if (!("keyboard" in reply)) throw new Error("no screen");
  return reply;
};
const open = async (action: Action) => screenOf(await openScreen(deps, action));
/** What an admin writes after /admin. */
async function say(text: string): Promise<Screen> {
  const command = parseCommand(text);
  switch (command.kind) {
    case "open":
      return await open(command.action);
    case "filter":
      return await filteredScreen(deps, command.filter);
    case "find":
      return screenOf(await findScreen(deps, command.prefix));
    default:
      throw new Error(command.kind);
  }
}
const press = (screen: Screen, label: string) =>
  open(decodeAction(encodeAction(screen.keyboard.flat().find((button) => button.label === label)!.action))!);

describe("of an empty project", () => {
  onItsOwnStack([]);

  test("home says what to check, and the rest that there is nothing", async () => {
    expect(visible((await say("")).html)).toMatch(/^⚪ No traces yet\n\nThere is a key, and no trace has come with it/);
    expect(visible((await say("errors")).html)).toContain("Nothing ran.");
    expect(visible((await say("stats")).html)).toMatch(/Runs +0 +0\n/);
    expect(visible((await say("storage")).html)).toContain("How fast it grows is known after the first whole day.");
    expect(visible((await say("slowest")).html)).toMatch(/^Slowest · last 30 days · 0\n\nNothing matches/);
  });
});

describe("of a bot", () => {
  onItsOwnStack([
    failed,
    ...Array.from({ length: 30 }, (_, i) => makeTrace({ started_at: now - 1000 - i, duration_ms: 100 + i })),
  ]);

  test("home has the numbers, and leads everywhere", async () => {
    const home = await say("");
    expect(visible(home.html)).toMatch(
      /^🟢 Healthy\n[^]*\nRuns +31 +none before\nFailed +1 +none before\nError rate +3\.2 % +–\n/,
    );
    for (const label of ["Traces", "Errors", "Slowest", "Dearest", "Stats", "Storage", "🔄", "Help"]) {
      expect((await press(home, label)).html, label).not.toBe("");
    }
  });

  test("a command filters, a button changes the filter, and the next page keeps it", async () => {
    const list = await say("traces support >100ms 24h");
    expect(visible(list.html)).toMatch(/^Traces · support · ≥ 100 ms · last 24 h · 31\n/);
    const slowest = await press(list, "Slowest");
    expect(visible(slowest.html)).toMatch(/^Slowest · support · ≥ 100 ms · last 24 h · 31\n/);
    const next = await press(slowest, "Next ➡️");
    expect(shown(next)).toMatch(/^Slowest · support · [^]*\[Page 2\/4\]/);
    expect(shown(await press(next, "⬅️ Prev"))).toBe(shown(slowest));
    expect(visible((await press(next, "❌")).html)).toMatch(
      /^Slowest · ❌ errors · support [^]*· 1\n\n1 ❌ support · 1\.23 s/,
    );
    expect(visible((await press(next, "✖ Clear")).html)).toMatch(/^Traces · last 30 days · 31\n/);
  });

  test("errors lead to an example, and all of them", async () => {
    const errors = await say("errors");
    expect(visible(errors.html)).toMatch(/\n1 🆕 1 × support › llm\.answer\n {5}# from the api\n/);
    expect((await press(errors, "1")).name).toBe("trace");
    expect(visible((await press(errors, "All errors")).html)).toMatch(/^Traces · ❌ errors · last 30 days · 1\n/);
  });

  test("a trace is found by its beginning, and by its message", async () => {
    const trace = await say(`trace ${failed.trace_id}`);
    expect(trace.name).toBe("trace");
    const asked = { chat_id: 501, message_id: 77, sent_at: new Date(now) };
    expect(shown(await originScreen(deps, asked))).toBe(shown(trace));
    const earlier = await originScreen(deps, { ...asked, message_id: 76 });
    expect(shown(earlier)).toContain("\nLikely: this message was not the run's last\n");
    expect(earlier.html).toContain(failed.trace_id);
    const several = await say(`trace ${failed.trace_id.slice(0, 6)}`);
    expect(visible(several.html)).toMatch(/^More than 5 traces begin with /);
    expect((await press(several, "3")).name).toBe("trace");
    expect(visible((await say("trace ffff")).html)).toMatch(/^No trace begins with ffff\./);
    expect((await originScreen(deps, { ...asked, message_id: 78, sent_at: null })).name).toBe("origin");
  });
});

describe("of hostile names", () => {
  onItsOwnStack(Array.from({ length: 200 }, (_, n) => hostileTrace(n, now)));

  test.each(["", "traces", "slowest error", "errors", "stats", "storage", "help", `traces "${"<b>".repeat(60)}"`])(
    "/admin %s is within the limits",
    async (words) => {
      const screen = await say(words);
      expect(screen.chars).toBeLessThanOrEqual(MAX_VISIBLE);
      expect(screen.chars).toBe(visible(screen.html).length);
      for (const { action } of screen.keyboard.flat()) expect(encodeAction(action).length).toBeLessThanOrEqual(64);
    },
  );
});
