/**
 * A progress message before the strict Telegram without a network, with a clock that the test moves. One file, since all of it
 * needs that set-up.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { defineSteps, type Trace } from "../../tracer/index.ts";
import { progressMessage, type ProgressMessageOptions } from "../../tracer/progress_message.ts";
import { ADA, BOB, CHAT, setUp } from "../functions/synthetic/telegram/_support.ts";
import { memoryTracer } from "./_support/memory.ts";

const steps = defineSteps({ classify: "Reading…", "db.find": "Looking it up…", "llm.generate": "Writing…" });

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] }));
afterEach(() => void vi.useRealTimers());
const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const tooMany = (seconds: number) => ({
  ok: false,
  error_code: 429,
  description: `Too Many Requests: retry after ${seconds}`,
  parameters: { retry_after: seconds },
});
let bots = 0;

function setup() {
  const bot = ++bots; // the pace of a chat is the process's
  const { tracer } = memoryTracer({ steps });
  const { telegram, client, api } = setUp({ now: Date.now });
  client.openChat(BOB.id, "first_bot");
  client.send({ chat: `7001:${BOB.id}`, text: "/start" });
  const group = Number(client.createGroup({ title: "G", members: [ADA.id], bots: ["first_bot"] }).chat.id);
  async function call(method: string, payload: object) {
    const answer = await api(method, payload as Record<string, unknown>);
    if (answer.ok) return answer.result;
    throw Object.assign(new Error(answer.description), { ...answer, code: answer.error_code });
  }
  return {
    tracer,
    client,
    telegram,
    group,
    records: client.records.calls,
    /** Of what was refused. */
    refused: () => client.records.calls.filter(({ status }) => status !== 200).map(({ status }) => status),
    progress: (trace: Trace, chat: number, options?: ProgressMessageOptions) =>
      progressMessage(
        { update: { update_id: 1, message: { chat: { id: chat } } } as never, trace },
        bot,
        call,
        steps,
        options,
      ),
    /** A run that takes a step every half second. */
    busy: (chat: number, seconds: number, then: (shown: ReturnType<typeof progressMessage>) => unknown) =>
      tracer.trace("support", async (trace) => {
        const shown = progressMessage(
          { update: { update_id: 1, message: { chat: { id: chat } } } as never, trace: trace as Trace },
          bot,
          call,
          steps,
        );
        const names = Object.keys(steps) as (keyof typeof steps)[];
        for (let n = 0; n < seconds * 2; n++) await tracer.step(names[n % 3]!, () => pause(500));
        return await then(shown);
      }),
  };
}

test("by default it is within Telegram's limits, with room for the answer", async () => {
  for (const kind of ["private", "group"] as const) {
    const { busy, group, records, refused } = setup();
    const chat = kind === "group" ? group : ADA.id;
    const run = busy(chat, 70, (shown) => shown.done("the answer"));
    await wait(80_000);
    await run;
    const texts = records.map(({ params }) => params["text"]);
    expect(texts.at(-1)).toBe("the answer");
    expect(refused()).toEqual([]);
    // In 70 seconds, and it does not give up either.
    expect(texts.length).toBeGreaterThan(kind === "group" ? 17 : 30);
    expect(texts.length).toBeLessThan(kind === "group" ? 23 : 50);
  }
});

test("ten messages in one group share its pace", async () => {
  const { busy, group, records, refused } = setup();
  const runs = Array.from({ length: 10 }, () => busy(group, 40, (shown) => shown.stop()));
  await wait(50_000);
  expect(await Promise.all(runs)).toEqual(Array(10).fill(true));
  expect(records.filter(({ method }) => method === "editMessageText").length).toBeGreaterThan(8);
  expect(records.filter(({ method }) => method === "editMessageText").length).toBeLessThan(13);
  // The first messages come at once, more than five of them.
  expect(new Set(refused())).toEqual(new Set([429]));
});

test("429: all messages of that chat wait as long as Telegram asks, and those of other chats do not", async () => {
  const { busy, records, client } = setup();
  const start = Date.now();
  const body = tooMany(20);
  const runs = [ADA.id, ADA.id, BOB.id].map((chat) => busy(chat, 30, () => {}));
  await wait(1000);
  client.fault({ method: "editMessageText", fault: { kind: "respond", status: 429, body } });
  await wait(60_000);
  await Promise.all(runs);
  const ofChat = (chat: number) => records.filter(({ params }) => params["chat_id"] === String(chat));
  const refused = records.find(({ status }) => status === 429)!;
  expect(refused.params["chat_id"]).toBe(String(ADA.id));
  const after = ofChat(ADA.id).filter(({ at }) => at > refused.at).map(({ at }) => at - refused.at);
  expect(after[0]).toBeGreaterThanOrEqual(20_000);
  expect(after[0]).toBeLessThan(21_000);
  expect(ofChat(BOB.id).filter(({ at }) => at > refused.at && at < refused.at + 20_000).length).toBeGreaterThan(8);
  expect(refused.at - start).toBeLessThan(4000);
});

test("the answer waits too, as long as Telegram asks, and is then the last edit", async () => {
  const { busy, records, client, telegram } = setup();
  const body = tooMany(7);
  client.fault({ method: "editMessageText", fault: { kind: "respond", status: 429, body }, times: 2 });
  const start = Date.now();
  const run = busy(ADA.id, 2, (shown) => shown.done("the answer"));
  await wait(30_000);
  expect(await run).toBe(2);
  expect(telegram.client.chat(CHAT).messages.at(-1)!.text).toBe("the answer");
  // The first label was edited at 1.5 s and refused; the answer came at 8.5 s, was refused, and came again.
  const edits = records.filter(({ method }) => method === "editMessageText").map(({ at }) =>
    Math.round((at - start) / 500) / 2
  );
  expect(edits).toEqual([1.5, 8.5, 15.5]);
});

test("a 429 for longer than a minute is the bot's error", async () => {
  const { busy, client, records } = setup();
  const body = tooMany(61);
  client.fault({ method: "editMessageText", fault: { kind: "respond", status: 429, body }, times: 9 });
  const run = busy(ADA.id, 1, (shown) => shown.done("the answer")).catch((error) => error);
  await wait(5000);
  expect(await run).toMatchObject({ code: 429 });
  expect(records.map(({ status }) => status)).toEqual([200, 429]);
});

test("so is one that comes for the fourth time", async () => {
  const { busy, client, records } = setup();
  const body = tooMany(2);
  client.fault({ method: "editMessageText", fault: { kind: "respond", status: 429, body }, times: 9 });
  const run = busy(ADA.id, 1, (shown) => shown.done("the answer")).catch((error) => error);
  await wait(20_000);
  expect(await run).toMatchObject({ code: 429 });
  expect(records.map(({ status }) => status)).toEqual([200, 429, 429, 429, 429]);
});

test("the first message is refused: without it, the answer is a new one", async () => {
  const { busy, client, records } = setup();
  const error = { ok: false, error_code: 400, description: "Bad Request: TOPIC_CLOSED" };
  client.fault({ method: "sendMessage", fault: { kind: "respond", status: 400, body: error } });
  const seen: unknown[] = [];
  const run = busy(ADA.id, 5, async (shown) => seen.push(await shown.message, await shown.done("the answer")));
  await wait(10_000);
  await run;
  expect(seen).toEqual([undefined, 2]);
  expect(records.map(({ method, params }) => [method, params["text"]])).toEqual([
    ["sendMessage", "Reading…"],
    ["sendMessage", "the answer"],
  ]);
});

test("a user who has blocked the bot is left alone", async () => {
  const { busy, client, records } = setup();
  const run = busy(
    ADA.id,
    8,
    async (shown) => [await shown.message, await shown.done("the answer").catch((error) => error.code)],
  );
  await wait(1000);
  client.block(CHAT, true);
  await wait(10_000);
  expect(await run).toEqual([2, 403]);
  expect(records.map(({ status }) => status)).toEqual([200, 403, 403]);
});

test("what is already shown is no failure: the answer may be what the label was", async () => {
  const { busy, records } = setup();
  const run = busy(ADA.id, 1, (shown) => shown.done("Reading…"));
  await wait(5000);
  expect(await run).toBe(2);
  expect(records.at(-1)).toMatchObject({ status: 400, params: { message_id: "2" } });
});

test.each(["sendMessage", "editMessageText"])(
  "a %s that hangs cannot overtake the answer, which is a new message; the old one goes",
  async (method) => {
    const { busy, client, telegram } = setup();
    client.fault({ method, fault: { kind: "delay", ms: 20_000 } });
    let doneAt!: number;
    const run = busy(ADA.id, 2, async (shown) => {
      const id = await shown.done("the answer");
      doneAt = Date.now();
      return id;
    });
    const start = Date.now();
    await wait(60_000);
    const id = await run;
    // It waits five seconds for what is under way.
    expect(Math.round((doneAt - start) / 1000)).toBe(7);
    const left = telegram.client.chat(CHAT).messages.filter(({ from }) => from.is_bot);
    expect(left.map(({ message_id, text }) => [message_id, text])).toEqual([[id, "the answer"]]);
  },
);

test("an edit that takes a while is waited for: the answer is the last edit", async () => {
  const { busy, client, telegram, records } = setup();
  client.fault({ method: "editMessageText", fault: { kind: "delay", ms: 3000 } });
  const run = busy(ADA.id, 2, (shown) => shown.done("the answer"));
  await wait(20_000);
  expect(await run).toBe(2);
  expect(telegram.client.chat(CHAT).messages.at(-1)).toMatchObject({ text: "the answer", edit_count: 2 });
  expect(records.map(({ method }) => method)).toEqual(["sendMessage", "editMessageText", "editMessageText"]);
});

test("an update without a chat shows nothing, and its answer is refused", async () => {
  const { tracer, records } = setup();
  const calls: unknown[] = [];
  const call = (method: string, payload: object) => {
    calls.push([method, payload]);
    return Promise.reject(new Error("chat_id is empty"));
  };
  const run = tracer.trace("support", async (trace) => {
    const shown = progressMessage({ update: { update_id: 1 }, trace: trace as Trace }, 1, call, steps);
    await tracer.step("db.find", () => pause(5000));
    expect(await shown.message).toBeUndefined();
    await shown.done("the answer").catch(() => {});
  });
  await wait(6000);
  await run;
  expect(calls).toEqual([["sendMessage", expect.objectContaining({ text: "the answer" })]]);
  expect(records).toEqual([]);
});

test("the trace ends while the chat is paused: nothing is sent any more, and message says so", async () => {
  const { busy, client, records } = setup();
  const body = tooMany(9);
  client.fault({ method: "sendMessage", fault: { kind: "respond", status: 429, body } });
  let message!: Promise<unknown>;
  const run = busy(ADA.id, 1, (shown) => void (message = shown.message));
  await wait(30_000);
  await run;
  expect(await message).toBeUndefined();
  expect(records).toHaveLength(1);
});

test("a text function that throws costs the label, not the answer", async () => {
  const { tracer, progress, records } = setup();
  const run = tracer.trace("support", async (trace) => {
    const shown = progress(trace as Trace, ADA.id, {
      text: () => {
        throw new Error("the author's own");
      },
    });
    await tracer.step("classify", () => pause(2000));
    return await shown.done("the answer");
  });
  await wait(10_000);
  expect(await run).toBe(2);
  expect(records.map(({ params }) => params["text"])).toEqual(["the answer"]);
});

test("stopped while the chat is paused: message says so at once", async () => {
  const { busy, client, records } = setup();
  client.fault({ method: "sendMessage", fault: { kind: "respond", status: 429, body: tooMany(9) } });
  const start = Date.now();
  let toldAt!: number;
  const run = busy(ADA.id, 1, async (shown) => {
    await shown.stop();
    expect(await shown.message).toBeUndefined();
    toldAt = Date.now();
  });
  await wait(30_000);
  await run;
  expect(toldAt - start).toBeLessThan(2000);
  expect(records).toHaveLength(1);
});

test("the first label comes first, though a step starts at once; after the answer come no more", async () => {
  const { tracer, progress, records } = setup();
  const run = tracer.trace("support", async (trace) => {
    const shown = progress(trace as Trace, ADA.id);
    await tracer.step("db.find", () => pause(2000));
    await tracer.step("llm.generate", () => pause(500));
    await shown.done("the answer");
    await tracer.step("classify", () => pause(5000));
  });
  await wait(10_000);
  await run;
  expect(records.map(({ params }) => params["text"])).toEqual([steps.classify, steps["db.find"], "the answer"]);
});

test("a label whose text is there already is shown: it is not tried again", async () => {
  const { tracer, progress, records } = setup();
  const run = tracer.trace("support", async (trace) => {
    progress(trace as Trace, ADA.id, { text: () => "working" });
    await tracer.step("db.find", () => pause(3000));
    await tracer.step("db.find", () => pause(3000));
  });
  await wait(10_000);
  await run;
  expect(records.map(({ method, status }) => [method, status])).toEqual([["sendMessage", 200], [
    "editMessageText",
    400,
  ]]);
});

test("sent as the answer to a webhook, its id is not known: no labels, and the answer is a message of its own", async () => {
  const { tracer } = setup();
  const sent: string[] = [];
  const call = (method: string, { text }: { text?: string }) => {
    sent.push(`${method} ${text}`);
    return Promise.resolve(true);
  };
  const update = { update_id: 1, message: { chat: { id: ADA.id } } };
  const run = tracer.trace("support", async (trace) => {
    const shown = progressMessage({ update, trace: trace as Trace }, -1, call as never, steps);
    await tracer.step("db.find", () => pause(3000));
    expect(await shown.message).toBeUndefined();
    expect(await shown.done("the answer")).toBeUndefined();
  });
  await wait(10_000);
  await run;
  expect(sent).toEqual(["sendMessage Reading…", "sendMessage the answer"]);
});
