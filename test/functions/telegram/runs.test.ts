// The message of a run, in a Telegram that has bad days. The database's part, who claims it, is told by the test.
import { describe, expect, test } from "vitest";
import type { RunMessage, SyntheticRun } from "../../../functions/_shared/db.ts";
import { createBotCall } from "../../../functions/telegram/bot_api.ts";
import { createEvents, isEvent } from "../../../functions/telegram/events.ts";
import type { LogRecord } from "../../../functions/telegram/log.ts";
import { createRuns } from "../../../functions/telegram/runs.ts";
import { alertSecret } from "../../../functions/_shared/secret.ts";
import { result, RUN, run, running } from "./runs_fixture.ts";
import { type Answer, hangUp, refuse, scriptedTelegram } from "./scripted_telegram.ts";

const CHAT = 1001;
const report = run([result(1)], { version: 9 });
const claim = (run: SyntheticRun, message_id: number | null = 7): RunMessage => ({ chat_id: CHAT, message_id, run });
const sentAs = (message_id: number): Answer => (res) =>
  res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ok: true, result: { message_id } }));

/** @param claims What the database answers, one after the other; then null. */
async function setUp(claims: (RunMessage | null | Error)[], latest: SyntheticRun | null = null) {
  const telegram = await scriptedTelegram();
  const logged: LogRecord[] = [];
  const slept: number[] = [];
  const finished: unknown[][] = [];
  const works: Promise<void>[] = [];
  const tell = createRuns({
    api: createBotCall({ token: "123456:AB-secret", apiRoot: telegram.apiRoot }),
    log: (record) => void logged.push(record),
    sleep: (ms) => Promise.resolve(void slept.push(Math.round(ms / 1000))),
    background: (work) => void works.push(work),
    db: {
      claimRunMessage: () => {
        const next = claims.shift() ?? null;
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
      },
      finishRunMessage: (...args) => Promise.resolve(void finished.push(args)),
      getRun: () => Promise.resolve(latest),
    },
  });
  return {
    ...telegram,
    logged,
    slept,
    finished,
    methods: () => telegram.calls.map(({ method }) => method),
    async tell(): Promise<number> {
      const { status } = await tell(RUN);
      await Promise.all(works);
      return status;
    },
  };
}

describe("how far a run is", () => {
  test("is sent, where there is no message yet", async () => {
    const { tell, next, calls, finished } = await setUp([claim(running(), null)]);
    next("sendMessage", sentAs(42));
    expect(await tell()).toBe(202);
    expect(calls).toMatchObject([{ method: "sendMessage", payload: { chat_id: CHAT, parse_mode: "HTML" } }]);
    expect(calls[0]!.payload.text).toMatch(/^⏳ <b>Smoke tests<\/b> · 2 of 5\n/);
    expect(finished).toEqual([[RUN, 42, 7]]);
  });

  test("is edited after that, and anew where that is gone", async () => {
    const { tell, next, methods, finished } = await setUp([claim(running()), claim(running({ version: 8 }))]);
    expect(await tell()).toBe(202);
    next("editMessageText", refuse(400, "Bad Request: message to edit not found"));
    next("sendMessage", sentAs(43));
    await tell();
    expect(methods()).toEqual(["editMessageText", "editMessageText", "sendMessage"]);
    expect(finished).toEqual([[RUN, 7, 7], [RUN, 43, 8]]);
  });

  test("is shown when nothing of it has changed", async () => {
    const { tell, next, finished } = await setUp([claim(running())]);
    next("editMessageText", refuse(400, "Bad Request: message is not modified"));
    await tell();
    expect(finished).toEqual([[RUN, 7, 7]]);
  });

  test("is left out when Telegram wants to wait, and is not tried before", async () => {
    const { tell, next, methods, finished, slept } = await setUp([claim(running()), claim(running())]);
    next("editMessageText", refuse(429, "Too Many Requests", { retry_after: 30 }));
    await tell();
    await tell();
    expect(methods()).toEqual(["editMessageText"]);
    expect(slept).toEqual([]);
    // It shows an older version, and whoever is told next may show this one.
    expect(finished).toEqual([[RUN, 7, 0], [RUN, 7, 0]]);
  });

  test("is nobody's business while somebody else is at it", async () => {
    const { tell, methods, slept } = await setUp([null], running());
    expect(await tell()).toBe(202);
    expect(methods()).toEqual([]);
    expect(slept).toEqual([]);
  });

  test("is told later when the database is away", async () => {
    const { tell } = await setUp([new Error("away")]);
    expect(await tell()).toBe(503);
  });
});

describe("the report of a run", () => {
  test("waits as long as Telegram wants", async () => {
    const { tell, next, methods, finished, slept } = await setUp([claim(report)]);
    next("editMessageText", refuse(429, "Too Many Requests", { retry_after: 30 }));
    await tell();
    expect(slept).toEqual([30]);
    expect(methods()).toEqual(["editMessageText", "editMessageText"]);
    expect(finished).toEqual([[RUN, 7, 9]]);
  });

  test("waits for what Telegram wanted of an edit before it", async () => {
    const { tell, next, finished, slept } = await setUp([claim(running()), claim(report)]);
    next("editMessageText", refuse(429, "Too Many Requests", { retry_after: 20 }));
    await tell();
    await tell();
    expect(slept).toEqual([20]);
    expect(finished).toEqual([[RUN, 7, 0], [RUN, 7, 9]]);
  });

  test("is shown once whoever is at the message has ended", async () => {
    const { tell, finished, slept } = await setUp([null, null, claim(report)], report);
    await tell();
    expect(slept).toEqual([1, 2]);
    expect(finished).toEqual([[RUN, 7, 9]]);
  });

  test("is tried again while Telegram is away", async () => {
    const { tell, next, finished } = await setUp([claim(report), claim(report)], report);
    next("editMessageText", hangUp);
    await tell();
    expect(finished).toEqual([[RUN, 7, 0], [RUN, 7, 9]]);
  });

  test("is not sent to who has blocked the bot", async () => {
    const { tell, next, methods, finished, slept } = await setUp([claim(report, null), claim(report, null)], report);
    next("sendMessage", refuse(403, "Forbidden: bot was blocked by the user"));
    await tell();
    expect(methods()).toEqual(["sendMessage"]);
    expect(finished).toEqual([[RUN, null, 0]]);
    expect(slept).toEqual([]);
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
    [{ event: "synthetic_run", run_id: RUN }, 200, [RUN]],
    [{ event_id: 17 }, 200, [17]],
    [{ event: "synthetic_run", event_id: 17 }, 400, []],
    [{ event: "synthetic_run", run_id: "' or 1=1" }, 400, []],
    [{ event_id: "17" }, 400, []],
    [null, 400, []],
  ])("%j", async (body, status, told) => {
    expect(await post(body)).toEqual({ status, told, refused: 0 });
  });

  test("without the secret is counted, and nobody is told", async () => {
    expect(await post({ event: "synthetic_run", run_id: RUN }, "guess")).toEqual({ status: 401, told: [], refused: 1 });
  });

  test("by Telegram is none of it", () => expect(isEvent(new Request("http://x"))).toBe(false));
});
