// A trace becomes a scenario: what is read of it on the real database, and the file that is sent. Its words: ../../_shared/fixture.test.ts.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { encodeAction } from "../../../../functions/telegram/callback.ts";
import type { Reply } from "../../../../functions/telegram/render/screen.ts";
import type { ScreenDeps } from "../../../../functions/telegram/screens/deps.ts";
import { openScreen } from "../../../../functions/telegram/screens/open.ts";
import type { WireTrace } from "../../../../tracer/wire.ts";
import { type RunStack, startRunStack } from "../../../_support/run_stack.ts";
import { makeTrace } from "../../../_support/traces.ts";
import { noRuns } from "../runs_fixture.ts";

const [OPERATOR, NOBODY] = [1001, 1004];

let on: RunStack;
beforeAll(async () => {
  on = await startRunStack();
  await on.client.query("insert into tracegram.admins (user_id, role) values ($1, 'operator')", [OPERATOR]);
});
afterAll(() => on?.end());
beforeEach(() => on.client.query("truncate tracegram.admin_audit"));

/** Who were operators when their update was claimed. */
const deps = (user_id = OPERATOR): ScreenDeps => (
  { db: on.db, now: () => new Date(), actor: { user_id, chat_id: -100, role: "operator" }, ...noRuns }
);
const asked = () => on.line.asked.map(({ name }) => name);

const said = JSON.stringify([{ role: "user", content: "Write to ada@example.org" }]);
/** A trace of so many LLM calls; the person has spoken in this one. */
async function given(io: number, spoken = 1) {
  const trace: WireTrace = makeTrace({
    steps: Array.from({ length: Math.max(io, 1) }, () => ({
      name: "llm.answer",
      model: "m",
      status: "ok" as const,
      offset_ms: 1,
      duration_ms: 1,
    })),
    io: Array.from(
      { length: io },
      (_, i) => ({ step: i + 1, request: i + 1 === spoken ? said : "[]", response: "ok" }),
    ),
  });
  expect(await on.db.ingestTraces(on.stack.info.ingest_key, [trace])).toMatchObject({ stored: 1 });
  on.line.asked = [];
  return { screen: "fixture", trace_id: trace.trace_id } as const;
}
const read = async (reply: Reply) => {
  if (!("content" in reply)) throw new Error("no file");
  let text = "";
  for await (const piece of reply.content(() => {})) text += new TextDecoder().decode(piece);
  return text;
};

test("a scenario is sent, and no more of the trace is read than it needs", async () => {
  // The database gives 16 at a time.
  const fixture = await given(17);
  const reply = await openScreen(deps(), fixture);
  expect(reply).toMatchObject({
    filename: `support-${fixture.trace_id.slice(0, 8)}.yaml`,
    caption: expect.stringContaining("masked"),
  });
  expect(await read(reply)).toContain('- say: "Write to [email]"\n');
  expect(asked()).toEqual(["get_trace", "admin_export_io"]);
  const detail = { trace_id: fixture.trace_id, export_after: 0 };
  const { rows } = await on.client.query("select user_id::int, action, allowed, detail from tracegram.admin_audit");
  expect(rows).toEqual([{ user_id: OPERATOR, action: "read_io", allowed: true, detail }]);
  expect(encodeAction(fixture)).toHaveLength(24);

  await openScreen(deps(), await given(17, 17));
  expect(asked()).toEqual(["get_trace", "admin_export_io", "admin_export_io"]);
});

test("it says where what the person wrote is not kept", async () => {
  const reply = await openScreen(deps(), await given(0));
  expect(reply).toMatchObject({ caption: expect.stringContaining("TODO") });
  expect(await read(reply)).toContain("# TODO");
});

test("it is refused to who is no operator any more, and of a trace that is gone", async () => {
  expect(await openScreen(deps(NOBODY), await given(1))).toMatchObject({ name: "refusal" });
  const gone = { screen: "fixture", trace_id: makeTrace().trace_id } as const;
  expect(await openScreen(deps(), gone)).toMatchObject({ name: "export" });
});
