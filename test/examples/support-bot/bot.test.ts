/** The example bot on a real stack: what its user sees, and the trace that is stored of it. */
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { createDb, type TraceDetail } from "../../../functions/_shared/db.ts";
import { createExampleBot, PERSON, SORRY, STEPS } from "../../../examples/support-bot/bot.ts";
import { createLlm } from "../../../examples/support-bot/llm.ts";
import { createOrders, ordersFinder } from "../../../scripts/demo/orders.ts";
import { openChat } from "../../../scripts/demo/person.ts";
import { standInLlm } from "../../../scripts/demo/stand_in_llm.ts";
import { serve, type Served } from "../../../scripts/stack/serve.ts";
import { createTracer } from "../../../tracer/index.ts";
import { startTestStack, type TestStack } from "../../_support/stack.ts";

const LABELS = new Set<string>(Object.values(STEPS));
const isAnswer = ({ text }: { text?: string }) => !LABELS.has(text ?? "");

let stack: TestStack;
let provider: Served;
/** How the provider treats the call of a step, before the stand-in does. */
let interfere: (task: "classify" | "answer" | "check", request: Request) => Promise<Response | undefined>;
let userId = 3000;

beforeAll(async () => {
  stack = await startTestStack();
  provider = await serve(async (request) => {
    const copy = request.clone();
    const [{ content }] = ((await request.json()) as { messages: [{ content: string }] }).messages;
    const task = content.includes("one word") ? "classify" : content.startsWith("Check") ? "check" : "answer";
    return await interfere(task, copy) ?? await standInLlm(copy);
  }, { port: 0 });
});
afterAll(async () => {
  await provider?.close();
  await stack?.end();
});
beforeEach(() => {
  userId++;
  interfere = () => Promise.resolve(undefined);
});

/** The bot, running, and a customer of it. */
async function start(timeoutMs = 15_000) {
  const { info } = stack;
  await createOrders(info, [userId]);
  const tracer = createTracer({
    url: info.functions["ingest"],
    key: info.ingest_key,
    steps: STEPS,
    flushOnExit: false,
  });
  const bot = createExampleBot({
    token: info.example_bot_token,
    apiRoot: info.telegram_url,
    tracer,
    llm: createLlm({ baseUrl: `${provider.url}/v1`, key: "k", model: "stand-in", timeoutMs }),
    findOrders: ordersFinder(info),
  });
  const polling = bot.launch().catch(() => {});
  onTestFinished(async () => {
    bot.stop();
    await polling;
    await tracer.close();
  });
  const customer = await openChat(info.telegram_url, { id: userId, first_name: "Maria" }, "support_example_bot");
  return {
    customer,
    ask: async (text: string) => (await customer.answer(await customer.write(text), isAnswer, 20_000)).text,
    async trace(): Promise<TraceDetail> {
      await expect.poll(() => tracer.stats().recorded).toBeGreaterThan(0);
      expect(await tracer.flush()).toBe(true);
      const db = createDb(info.api_url, info.service_role_key);
      const { traces } = await db.listTraces({ limit: 50 });
      return (await db.getTrace(traces.find((trace) => trace.user_id === userId)!.trace_id))!;
    },
  };
}

/** Every text that the bot has shown to this test's user, in order. */
const shown = () =>
  stack.telegram.client.records.calls
    .filter(({ params }) => String(params["chat_id"]) === String(userId))
    .flatMap(({ params }) => typeof params["text"] === "string" ? [params["text"]] : []);

test("an answered message: three LLM calls, the orders and Telegram, under the names and labels of STEPS", async () => {
  let seeLabel!: () => void;
  const labelSeen = new Promise<void>((resolve) => seeLabel = resolve);
  const { ask, customer, trace } = await start();
  interfere = async (task) => {
    // The answer takes until the customer has read that it is being written.
    if (task === "answer") await labelSeen;
    return undefined;
  };
  void customer.answer(0, ({ text }) => text === STEPS["llm.answer"], 20_000).then(seeLabel);
  expect(await ask("Where is my order?")).toBe(
    "Your parcel left our warehouse yesterday and arrives tomorrow before 18:00.",
  );

  const { status, pipeline, steps, io_steps: _, ...keys } = await trace();
  expect({ status, pipeline, error: keys.error }).toEqual({ status: "ok", pipeline: "support", error: null });
  expect(keys).toMatchObject({ chat_id: userId, user_id: userId });
  expect(steps.map(({ name }) => name).sort()).toEqual([...Object.keys(STEPS), "tg.editMessageText"].sort());
  for (const step of steps) {
    expect(step.status).toBeUndefined();
    const llm = { model: "stand-in", input_tokens: expect.any(Number), cost_microusd: expect.any(Number) };
    if (step.name.startsWith("llm.")) expect(step).toMatchObject({ ...llm, output_tokens: expect.any(Number) });
    else expect(step.model ?? null).toBeNull();
  }
  const texts = shown();
  expect(texts[0]).toBe(STEPS["llm.classify"]);
  expect(texts).toContain(STEPS["llm.answer"]);
  expect(texts.slice(0, -1).filter((text) => !LABELS.has(text))).toEqual([]);
});

test.each<[string, keyof typeof STEPS, number | undefined, typeof interfere]>([
  [
    "a provider that stalls",
    "llm.answer",
    3000, // long enough for the other calls on a busy machine
    (task) => task === "answer" ? new Promise<Response>(() => {}) : Promise.resolve(undefined),
  ],
  [
    "a provider that refuses",
    "llm.check",
    undefined,
    (task) =>
      Promise.resolve(task === "check" ? Response.json({ error: { message: "no" } }, { status: 403 }) : undefined),
  ],
])("%s: an apology, and a trace that names the step", async (_, step, timeoutMs, how) => {
  const { ask, trace } = await start(timeoutMs);
  interfere = how;
  expect(await ask("Where is my order?")).toBe(SORRY);
  const { status, error, steps } = await trace();
  expect(status).toBe("error");
  expect(error).toMatch(step === "llm.answer" ? /timeout/i : /403 no/);
  expect(steps.filter(({ status }) => status === "error").map(({ name }) => name)).toEqual([step]);
  expect(steps.at(-1)!.name).toBe("tg.editMessageText");
});

test("an answer that the check does not like is not sent", async () => {
  const { ask, trace } = await start();
  interfere = (task) =>
    Promise.resolve(
      task === "check"
        ? Response.json({ model: "m", choices: [{ message: { content: "Okay is not what this is: it is rude." } }] })
        : undefined,
    );
  expect(await ask("Where is my order?")).toBe(SORRY);
  expect((await trace()).status).toBe("ok");
});

test("under an answer there is a button, and its press is a trace of its own", async () => {
  const { customer, ask, trace } = await start();
  const { client } = stack.telegram;
  const asked = await customer.write("Where is my order?");
  const answer = await customer.answer(asked, isAnswer, 20_000);
  expect(answer.reply_markup!.inline_keyboard).toEqual([[PERSON]]);

  const { key } = client.openChat(userId, "support_example_bot");
  const query = client.press({ chat: key, message_id: answer.message_id, label: PERSON.text });
  await client.answer(query);
  const next = await customer.answer(answer.message_id, () => true, 5000);
  expect(next.text).toBe("A colleague of mine will write to you here.");
  await expect.poll(async () => (await trace()).pipeline).toBe("callback_query");
  expect(await ask("Thanks!")).not.toBe(SORRY);
});

test("/start is a command, without steps of an LLM", async () => {
  const { ask, trace } = await start();
  expect(await ask("/start")).toBe("Hello! What can I do for you?");
  expect(await trace()).toMatchObject({ pipeline: "/start", status: "ok" });
});

test("the database step reads the customer's own orders, and no key but the service role's does", async () => {
  await createOrders(stack.info, [userId, 1]);
  const orders = await ordersFinder(stack.info)(userId);
  expect(orders).toEqual([{ item: "coffee grinder", status: "shipped" }, { item: "headphones", status: "delivered" }]);
  const asAnyone = ordersFinder({ ...stack.info, service_role_key: stack.info.anon_key });
  await expect(asAnyone(userId)).rejects.toThrow("orders: 401");
});
