import OpenAI from "openai";
import { expect, test } from "vitest";
import { openLlm } from "../../../../functions/synthetic/llm/client.ts";
import { RecordingList } from "../../../_support/recordings.ts";
import { serve } from "../../../../scripts/stack/serve.ts";
import { OPENAI_PRICES } from "../../../../tracer/openai_prices.ts";
import { createProvider, type Fault } from "../../../_support/provider.ts";
import { seeded, seededFaults } from "../../../_support/provider_faults.ts";
import { ask, KEY, MemoryLedger, open, said, streamed } from "./llm_fixture.ts";

const FAULTS: Fault[] = [
  { kind: "status", status: 429, retryAfterMs: 5 },
  { kind: "status", status: 500, retryAfterMs: 5 },
  { kind: "stall" },
  { kind: "drop" },
  { kind: "lost" },
  { kind: "stall_mid", at: 4 },
  { kind: "die_mid", at: 2 },
  { kind: "die_mid", at: 6 },
  { kind: "malformed" },
  { kind: "slow", ms: 1 },
];

test(
  "300 calls over HTTP, each fault, the openai client's retries: the bill is what was booked, to the micro-dollar",
  async () => {
    const provider = createProvider({ apiKey: KEY, fault: seededFaults(7, 0.35, FAULTS) });
    const server = await serve(provider.handle, { port: 0 });
    const ledger = new MemoryLedger();
    // Generations that the client was told of.
    const told = new Set<string | null>();
    const llm = openLlm({
      fetch: async (...args) => {
        const response = await fetch(...args);
        told.add(response.headers.get("x-generation-id"));
        return response;
      },
      mode: "live",
      provider: { baseUrl: `${server.url}/api/v1`, apiKey: KEY },
      ledger,
      recordings: new RecordingList(),
      record: true,
      cache: false,
      models: {},
      prices: OPENAI_PRICES,
      signal: new AbortController().signal,
    });
    const openai = new OpenAI({
      baseURL: llm.baseUrl,
      apiKey: llm.apiKey,
      fetch: llm.fetch,
      timeout: 500,
      logLevel: "off",
    });
    const random = seeded(8);
    const answered = { plain: 0, streamed: 0, failed: 0 };
    const bot = async (name: number) => {
      for (let i = 0; i < 13; i++) {
        const question = `${name}.${i} Where is my parcel? ${"день ".repeat(random() * 30)}`;
        const usage = random() < 0.5 ? { usage: { include: true } } : {};
        // The client's own timeout ends with the headers.
        const signal = AbortSignal.timeout(1500);
        try {
          if (random() < 0.5) {
            await streamed(openai, question, usage, { signal });
            answered.streamed++;
          } else {
            await said(openai, question, usage, { signal });
            answered.plain++;
          }
        } catch {
          answered.failed++;
        }
      }
    };
    await Promise.all(Array.from({ length: 24 }, (_, name) => bot(name)));
    await llm.settled();
    await server.close();

    expect(answered.plain).toBeGreaterThan(50);
    expect(answered.streamed).toBeGreaterThan(50);
    expect(answered.failed).toBeGreaterThan(10);
    // The client's retries were begun and settled by themselves.
    expect(ledger.ends.length).toBe(ledger.begun.length);
    expect(ledger.begun.length).toBeGreaterThan(24 * 13);
    expect(provider.account.calls).toBeLessThanOrEqual(ledger.begun.length);
    const { total, bills } = provider.account;
    const lost = [...bills].reduce((sum, [id, { microusd }]) => told.has(id) ? sum : sum + microusd, 0);
    expect(lost).toBeGreaterThan(0);
    expect(ledger.confirmed).toBe(total - lost);
    // Of what died before its first byte nobody can tell: it counts as the most that it can have been.
    expect(ledger.unconfirmed).toBeGreaterThanOrEqual(lost);
    expect(ledger.ends.every((end) => end.cost_microusd !== null || end.status === 0)).toBe(true);
    expect(ledger.reserved).toBe(0);
    expect(llm.inFlight).toBe(0);
  },
  25_000,
);

test("a bill that nobody can tell counts as what was reserved for it", async () => {
  const { provider, ledger, llm, openai } = open();
  provider.faults.push({ kind: "lost" });
  await expect(openai.chat.completions.create(ask("Where is it?"), { maxRetries: 0 })).rejects.toThrow();
  await llm.settled();
  expect(provider.account.total).toBeGreaterThan(0);
  expect(ledger.confirmed).toBe(0);
  expect(ledger.unconfirmed).toBe(ledger.begun[0]!.worst_microusd);
  expect(ledger.unconfirmed).toBeGreaterThanOrEqual(provider.account.total);
  expect(llm.totals().cost_microusd).toBeNull();
});

test.each([408, 504, 524])(
  "who has had enough of waiting is not who bills: %s is asked about, or counts as reserved",
  async (status) => {
    const late = (headers: HeadersInit) => {
      const opened = open({
        fetch: (url) =>
          Promise.resolve(
            String(url).includes("/generation?id=gen-1")
              ? Response.json({ data: { total_cost: 0.000042 } })
              : new Response("late", { status, headers }),
          ),
      });
      const init = { method: "POST", body: JSON.stringify(ask("?")) };
      return { ...opened, answer: opened.llm.fetch(`${opened.llm.baseUrl}/chat/completions`, init) };
    };
    const nameless = late({});
    expect((await nameless.answer).status).toBe(status);
    await nameless.llm.settled();
    expect(nameless.ledger.unconfirmed).toBe(nameless.ledger.begun[0]!.worst_microusd);
    const named = late({ "x-generation-id": "gen-1" });
    expect(await (await named.answer).text()).toBe("late");
    await named.llm.settled();
    expect([named.ledger.confirmed, named.ledger.unconfirmed]).toEqual([42, 0]);
  },
);

test("calls wait for one another's reservations, and none crosses the cap", async () => {
  const ledger = new MemoryLedger();
  ledger.cap = 400;
  const { provider, llm, openai } = open({}, { ledger });
  provider.faults.push(...Array.from({ length: 16 }, () => ({ kind: "stall" as const, ms: 150 })));
  const answers = await Promise.allSettled(
    Array.from({ length: 16 }, (_, i) => said(openai, `${i} Where is it?`, { max_tokens: 40 })),
  );
  await llm.settled();
  expect(answers.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(8);
  expect(ledger.waits).toBeGreaterThan(0);
  expect(ledger.peak).toBeLessThanOrEqual(400);
  expect(ledger.confirmed).toBe(provider.account.total);
});

test("a call that is refused costs nothing, is not repeated, and says why", async () => {
  const ledger = new MemoryLedger();
  ledger.cap = 10;
  const { provider, llm, openai } = open({}, { ledger });
  const refused = openai.chat.completions.create(ask("Where is it?"));
  await expect(refused).rejects.toMatchObject({ status: 402, code: "cap_run" });
  await expect(openai.chat.completions.create(ask("And now?"))).rejects.toMatchObject({ status: 402 });
  expect(ledger.begun.length).toBe(1);
  expect(llm.refused).toBe("cap_run");
  expect(provider.account.calls).toBe(0);
  expect(llm.inFlight).toBe(0);
});
