// The message of a run on the real database, in a Telegram that has bad days.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createBotCall } from "../../../functions/telegram/bot_api.ts";
import { createEvents, isEvent } from "../../../functions/telegram/events.ts";
import type { LogRecord } from "../../../functions/telegram/log.ts";
import { createRuns } from "../../../functions/telegram/runs.ts";
import { alertSecret } from "../../../functions/_shared/secret.ts";
import type { RunKey } from "../../../functions/_shared/synthetic_db.ts";
import { first } from "../../_support/line.ts";
import { type RunStack, startRunStack } from "../../_support/run_stack.ts";
import { entry, givenRun, givenTaken, outcome } from "../../_support/synthetic.ts";
import { type Answer, hangUp, refuse, scriptedTelegram } from "./scripted_telegram.ts";

const CHAT = 1001;
const NAMES = ["a", "b", "c"];
const NO_RUN = "6f1c2a34-9b7d-4e21-8a55-0c9d3e4f5a6b";
const sentAs = (message_id: number): Answer => (res) =>
  res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ok: true, result: { message_id } }));

let on: RunStack;
let run: RunKey;
beforeAll(async () => void (on = await startRunStack()));
afterAll(() => on?.end());
beforeEach(async () => {
  await on.forget();
  await on.sql.register(NAMES.map((name) => entry(name, { smoke: true })));
  run = await givenRun(on.sql, { tier: "smoke", chat_id: CHAT, ceiling: 1000, at: Date.now() });
});

/** Somebody has got on with it. */
async function works(scenarios: number): Promise<void> {
  for (let i = 0; i < scenarios; i++) {
    await on.sql.finish(run, await givenTaken(on.sql, run, "w", Date.now()), outcome(), Date.now());
  }
}
/** The message that was sent before. */
const givenMessage = (message_id = 7) => on.db.finishRunMessage(run.run_id, message_id, 0);

/** Which message there is, and of which version of the run; `held`: somebody is at it. */
async function message() {
  const { rows } = await on.client.query(`
    select message_id::int as id, message_version as shown, version, message_until is not null as held
    from tracegram.synthetic_runs
  `);
  return rows[0];
}

/** @param sleeping What happens while it sleeps, once each. */
async function setUp(sleeping: (() => Promise<unknown>)[] = []) {
  const telegram = await scriptedTelegram();
  const logged: LogRecord[] = [];
  const slept: number[] = [];
  const background: Promise<void>[] = [];
  const tell = createRuns({
    api: createBotCall({ token: "123456:AB-secret", apiRoot: telegram.apiRoot }),
    log: (record) => void logged.push(record),
    async sleep(ms) {
      slept.push(Math.round(ms / 1000));
      await sleeping.shift()?.();
    },
    background: (work) => void background.push(work),
    db: on.db,
  });
  return {
    ...telegram,
    logged,
    slept,
    methods: () => telegram.calls.map(({ method }) => method),
    async tell(): Promise<number> {
      const { status } = await tell(run.run_id);
      await Promise.all(background);
      return status;
    },
  };
}

describe("how far a run is", () => {
  test("is sent, where there is no message yet", async () => {
    const { tell, next, calls } = await setUp();
    await works(2);
    next("sendMessage", sentAs(42));
    expect(await tell()).toBe(202);
    expect(calls).toMatchObject([{ method: "sendMessage", payload: { chat_id: CHAT, parse_mode: "HTML" } }]);
    expect(calls[0]!.payload.text).toMatch(/^⏳ <b>Smoke tests<\/b> · 2 of 3\n/);
    const { version, ...rest } = await message();
    expect(rest).toEqual({ id: 42, shown: version, held: false });
  });

  test("is edited after that, and anew where that is gone", async () => {
    const { tell, next, methods } = await setUp();
    await givenMessage();
    expect(await tell()).toBe(202);
    expect(await message()).toEqual({ id: 7, shown: 1, version: 1, held: false });
    await works(1);
    next("editMessageText", refuse(400, "Bad Request: message to edit not found"));
    next("sendMessage", sentAs(43));
    await tell();
    expect(methods()).toEqual(["editMessageText", "editMessageText", "sendMessage"]);
    const { version, ...rest } = await message();
    expect(version).toBeGreaterThan(1);
    expect(rest).toEqual({ id: 43, shown: version, held: false });
  });

  test("is shown when nothing of it has changed", async () => {
    const { tell, next } = await setUp();
    await givenMessage();
    next("editMessageText", refuse(400, "Bad Request: message is not modified"));
    await tell();
    expect(await message()).toEqual({ id: 7, shown: 1, version: 1, held: false });
  });

  test("is left out when Telegram wants to wait, and is not tried before", async () => {
    const { tell, next, methods, slept } = await setUp();
    await givenMessage();
    next("editMessageText", refuse(429, "Too Many Requests", { retry_after: 30 }));
    await tell();
    await tell();
    expect(methods()).toEqual(["editMessageText"]);
    expect(slept).toEqual([]);
    // It shows an older version, and whoever is told next may show this one.
    expect(await message()).toEqual({ id: 7, shown: 0, version: 1, held: false });
  });

  test("is nobody's business while somebody else is at it", async () => {
    const { tell, methods, slept } = await setUp();
    await on.db.claimRunMessage(run.run_id);
    expect(await tell()).toBe(202);
    expect([methods(), slept]).toEqual([[], []]);
  });

  test("is told later when the database is away", async () => {
    const { tell, next, methods } = await setUp();
    on.line.breaks = first(1, "away");
    expect([await tell(), methods()]).toEqual([503, []]);
    next("sendMessage", sentAs(42));
    expect([await tell(), methods()]).toEqual([202, ["sendMessage"]]);
  });
});

describe("the report of a run", () => {
  /** It is shown as it ended. */
  const isTold = async () => {
    const { version, ...rest } = await message();
    expect(rest).toEqual({ id: 7, shown: version, held: false });
    expect((await on.db.getRun(run.run_id))!.version).toBe(version);
  };
  beforeEach(() => givenMessage());

  test("waits as long as Telegram wants", async () => {
    const { tell, next, methods, slept } = await setUp();
    await works(3);
    next("editMessageText", refuse(429, "Too Many Requests", { retry_after: 30 }));
    await tell();
    expect(slept).toEqual([30]);
    expect(methods()).toEqual(["editMessageText", "editMessageText"]);
    await isTold();
  });

  test("waits for what Telegram wanted of an edit before it", async () => {
    const { tell, next, slept } = await setUp();
    next("editMessageText", refuse(429, "Too Many Requests", { retry_after: 20 }));
    await tell();
    await works(3);
    await tell();
    expect(slept).toEqual([20]);
    await isTold();
  });

  test("is shown once whoever is at the message has ended", async () => {
    const ended = () => on.db.finishRunMessage(run.run_id, 7, 1);
    const { tell, slept } = await setUp([() => Promise.resolve(), ended]);
    await works(3);
    await on.db.claimRunMessage(run.run_id);
    await tell();
    expect(slept).toEqual([1, 2]);
    await isTold();
  });

  test("is tried again while Telegram is away", async () => {
    const { tell, next, methods } = await setUp();
    await works(3);
    next("editMessageText", hangUp);
    await tell();
    expect(methods()).toEqual(["editMessageText", "editMessageText"]);
    await isTold();
  });

  test("is remembered though the database is away once more", async () => {
    const { tell, methods } = await setUp();
    await works(3);
    on.line.breaks = first(1, "away", ["finish_run_message"]);
    await tell();
    expect(methods()).toEqual(["editMessageText"]);
    await isTold();
  });

  test("is not sent to who has blocked the bot", async () => {
    await on.client.query("update tracegram.synthetic_runs set message_id = null");
    const { tell, next, methods, slept } = await setUp();
    await works(3);
    next("sendMessage", refuse(403, "Forbidden: bot was blocked by the user"));
    await tell();
    expect([methods(), slept]).toEqual([["sendMessage"], []]);
    expect(await message()).toMatchObject({ id: null, shown: 0, held: false });
  });
});

describe("what is posted", () => {
  const post = async (body: unknown, header?: string) => {
    const told: unknown[] = [];
    let refused = 0;
    const note = (what: unknown) => Promise.resolve(void told.push(what)).then(() => new Response(null));
    const events = createEvents({
      webhookSecret: "s3cret",
      tellAlert: note,
      tellRun: note,
      refused: () => void refused++,
    });
    const request = new Request("http://x/functions/v1/telegram", {
      method: "POST",
      headers: { "x-tracegram-secret": header ?? await alertSecret("s3cret") },
      body: JSON.stringify(body),
    });
    expect(isEvent(request)).toBe(true);
    return { status: (await events(request)).status, told, refused };
  };

  test.each<[unknown, number, unknown[]]>([
    [{ event: "synthetic_run", run_id: NO_RUN }, 200, [NO_RUN]],
    [{ event_id: 17 }, 200, [17]],
    [{ event: "synthetic_run", event_id: 17 }, 400, []],
    [{ event: "synthetic_run", run_id: "' or 1=1" }, 400, []],
    [{ event_id: "17" }, 400, []],
    [null, 400, []],
  ])("%j", async (body, status, told) => {
    expect(await post(body)).toEqual({ status, told, refused: 0 });
  });

  test("without the secret is counted, and nobody is told", async () => {
    expect(await post({ event: "synthetic_run", run_id: NO_RUN }, "guess")).toEqual({
      status: 401,
      told: [],
      refused: 1,
    });
  });

  test("by Telegram is none of it", () => expect(isEvent(new Request("http://x"))).toBe(false));
});
