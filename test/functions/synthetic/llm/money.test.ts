// The bill of a provider that fails in every way, and the books of the real database.
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createDb } from "../../../../functions/_shared/db.ts";
import { openLlm } from "../../../../functions/synthetic/llm/client.ts";
import { RecordingList } from "../../../_support/recordings.ts";
import { serve } from "../../../../scripts/stack/serve.ts";
import { OPENAI_PRICES } from "../../../../tracer/openai_prices.ts";
import { createProvider, type Fault } from "../../../_support/provider.ts";
import { seeded, seededFaults } from "../../../_support/provider_faults.ts";
import { type RunStack, startRunStack } from "../../../_support/run_stack.ts";
import { ask, booksOf, givenLedger, KEY, open, said, streamed } from "./llm_fixture.ts";

let on: RunStack;
beforeAll(async () => void (on = await startRunStack()));
afterAll(() => on?.end());
beforeEach(() => on.forget());

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
    // Nothing breaks here on the way to the database: the line would only cost time.
    const db = createDb(on.stack.info.api_url, on.stack.info.service_role_key);
    const { run, ledger } = await givenLedger(on, 1_000_000, { db });
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
    const { confirmed, unconfirmed, reserved, excess } = await booksOf(on, run);
    expect([confirmed, reserved, excess]).toEqual([total - lost, 0, 0]);
    // Of what died before its first byte nobody can tell: it counts as the most that it can have been.
    expect(unconfirmed).toBeGreaterThanOrEqual(lost);
    expect(ledger.ends.every((end) => end.cost_microusd !== null || end.status === 0)).toBe(true);
    expect(llm.inFlight).toBe(0);
  },
  60_000,
);

test("a bill that nobody can tell counts as what was reserved for it", async () => {
  const { run, ledger } = await givenLedger(on);
  const { provider, llm, openai } = open({}, { ledger });
  provider.faults.push({ kind: "lost" });
  await expect(openai.chat.completions.create(ask("Where is it?"), { maxRetries: 0 })).rejects.toThrow();
  await llm.settled();
  expect(provider.account.total).toBeGreaterThan(0);
  const worst = ledger.begun[0]!.worst_microusd!;
  expect(worst).toBeGreaterThanOrEqual(provider.account.total);
  expect(await booksOf(on, run)).toMatchObject({ confirmed: 0, unconfirmed: worst, reserved: 0 });
  expect(llm.totals().cost_microusd).toBeNull();
});

test.each([408, 504, 524])(
  "who has had enough of waiting is not who bills: %s is asked about, or counts as reserved",
  async (status) => {
    const late = async (headers: HeadersInit) => {
      const { run, ledger } = await givenLedger(on);
      const opened = open({
        fetch: (url) =>
          Promise.resolve(
            String(url).includes("/generation?id=gen-1")
              ? Response.json({ data: { total_cost: 0.000042 } })
              : new Response("late", { status, headers }),
          ),
      }, { ledger });
      const init = { method: "POST", body: JSON.stringify(ask("?")) };
      const response = await opened.llm.fetch(`${opened.llm.baseUrl}/chat/completions`, init);
      const text = await response.text();
      await opened.llm.settled();
      const worst = ledger.begun[0]!.worst_microusd;
      return { status: response.status, text, worst, ...await booksOf(on, run) };
    };
    const nameless = await late({});
    expect(nameless).toMatchObject({ status, text: "late", confirmed: 0, unconfirmed: nameless.worst });
    expect(await late({ "x-generation-id": "gen-1" })).toMatchObject({ text: "late", confirmed: 42, unconfirmed: 0 });
  },
);
