// What the books of the real database do to a bot's calls: they are let through, held up, answered from before, or not made.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { first } from "../../../_support/line.ts";
import { type RunStack, startRunStack } from "../../../_support/run_stack.ts";
import { entry, givenRun, givenTaken } from "../../../_support/synthetic.ts";
import { serve } from "../../../../scripts/stack/serve.ts";
import { createProvider } from "../../../_support/provider.ts";
import { ask, booksOf, givenLedger, KEY, ledgerOf, open, said, streamed } from "./llm_fixture.ts";

const QUESTION = "Where is my parcel?";
const ANSWER = "Your parcel left our warehouse yesterday and arrives tomorrow before 18:00.";

let on: RunStack;
beforeAll(async () => void (on = await startRunStack()));
afterAll(() => on?.end());
beforeEach(() => on.forget());

test("calls wait for one another's reservations, and none crosses the cap", async () => {
  const { run, ledger } = await givenLedger(on, 400);
  const { provider, llm, openai } = open({}, { ledger });
  provider.faults.push(...Array.from({ length: 16 }, () => ({ kind: "stall" as const, ms: 150 })));
  const answers = await Promise.allSettled(
    Array.from({ length: 16 }, (_, i) => said(openai, `${i} Where is it?`, { max_tokens: 40 })),
  );
  await llm.settled();
  expect(answers.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(8);
  expect(ledger.waits).toBeGreaterThan(0);
  // That it was so all the while is a constraint of the table.
  expect(provider.account.total).toBeLessThanOrEqual(400);
  expect(await booksOf(on, run)).toMatchObject({
    confirmed: provider.account.total,
    unconfirmed: 0,
    reserved: 0,
    excess: 0,
  });
});

test("a call that is refused costs nothing, is not repeated, and says why", async () => {
  const { run, ledger } = await givenLedger(on, 10);
  const { provider, llm, openai } = open({}, { ledger });
  const refused = openai.chat.completions.create(ask("Where is it?"));
  await expect(refused).rejects.toMatchObject({ status: 402, code: "cap_run" });
  await expect(openai.chat.completions.create(ask("And now?"))).rejects.toMatchObject({ status: 402 });
  expect(ledger.begun.length).toBe(1);
  expect(llm.refused).toBe("cap_run");
  expect(provider.account.calls).toBe(0);
  expect(llm.inFlight).toBe(0);
  expect(await booksOf(on, run)).toMatchObject({ state: "out_of_budget", confirmed: 0, unconfirmed: 0, reserved: 0 });
});

test("answers that were paid for before are given again: resumed or cached", async () => {
  await on.sql.register([entry("a"), entry("b")]);
  const run = await givenRun(on.sql, { ceiling: 1_000_000, at: Date.now() });
  const [one, other] = [await givenTaken(on.sql, run, "w", Date.now()), await givenTaken(on.sql, run, "w", Date.now())];
  const before = open({}, { ledger: ledgerOf(on, run, one) });
  await said(before.openai, QUESTION);
  await said(before.openai, QUESTION);
  const neighbour = open({}, { ledger: ledgerOf(on, run, other) });
  await streamed(neighbour.openai, "Cancel it");
  await Promise.all([before.llm.settled(), neighbour.llm.settled()]);
  const paid = await booksOf(on, run);
  const [parcel, cancelled] = [before, neighbour].map(({ recordings }) => recordings.all()[0]!);

  // Whoever had the scenario was killed.
  const ledger = ledgerOf(on, run, one);
  const { llm, openai, provider, recordings } = open({ cache: true }, { ledger });
  expect(await said(openai, QUESTION)).toBe(ANSWER);
  // It was streamed when it was recorded, and is not now.
  expect(await said(openai, "Cancel it")).toBe("Your order is cancelled. Nothing was charged.");
  // And the other way round, once more.
  expect(await streamed(openai, QUESTION)).toBe(ANSWER);
  await llm.settled();
  expect(provider.account.calls).toBe(0);
  expect(ledger.ends).toEqual([]);
  expect(await booksOf(on, run)).toEqual(paid);
  expect(llm.totals()).toMatchObject({
    calls: 3,
    cost_microusd: 2 * parcel!.cost_microusd! + cancelled!.cost_microusd!,
    saved_microusd: cancelled!.cost_microusd,
  });
  expect(recordings.all().map(({ nth }) => nth).sort()).toEqual([0, 0, 1]);
});

test("without the ledger no call is made", async () => {
  const { ledger } = await givenLedger(on, 1000, { patienceMs: 0 });
  on.line.breaks = () => "away";
  const { llm, openai, provider } = open({}, { ledger });
  await expect(said(openai, QUESTION)).rejects.toThrow(/was not made: .*fetch failed/);
  expect(provider.account.calls).toBe(0);
  expect(llm.failures).toMatchObject([{ expectation: "ledger" }]);
});

test("what could not be settled is settled later", async () => {
  const { run, ledger } = await givenLedger(on, 1000, { patienceMs: 0 });
  on.line.breaks = first(2, "away", ["settle_llm_call"]);
  const { llm, openai, provider } = open({}, { ledger });
  expect(await said(openai, QUESTION)).toBe(ANSWER);
  expect(llm.inFlight).toBe(1);
  await llm.settled();
  expect(on.line.asked.filter(({ name }) => name === "settle_llm_call")).toHaveLength(3);
  expect(await booksOf(on, run)).toMatchObject({ confirmed: provider.account.total, unconfirmed: 0, reserved: 0 });
  expect(llm.failures).toEqual([]);
});

test("a bot that leaves while the ledger is asked: what it grants is given back", async () => {
  const { run, ledger } = await givenLedger(on);
  const begin = ledger.begin.bind(ledger);
  let grant = () => {};
  const granted = new Promise<void>((resolve) => grant = resolve);
  const bot = new AbortController();
  ledger.begin = (call) => {
    setTimeout(() => bot.abort());
    return granted.then(() => begin(call));
  };
  const { llm, openai, provider } = open({}, { ledger });
  await expect(said(openai, QUESTION, {}, { signal: bot.signal })).rejects.toThrow("aborted");
  grant();
  await llm.settled();
  expect(ledger.ends).toMatchObject([{ status: 0, cost_microusd: 0 }]);
  expect(provider.account.calls).toBe(0);
  expect(await booksOf(on, run)).toMatchObject({ confirmed: 0, unconfirmed: 0, reserved: 0 });
});

test("a provider that is not there has billed nothing", async () => {
  const { run, ledger } = await givenLedger(on);
  const { url, close } = await serve(() => Promise.resolve(new Response()), { port: 0 });
  await close();
  const { llm, openai } = open({ fetch, provider: { baseUrl: `${url}/v1`, apiKey: "k" } }, { ledger });
  await expect(said(openai, QUESTION)).rejects.toThrow("Connection error");
  await llm.settled();
  expect(ledger.begun.length).toBeGreaterThan(1); // the client has tried again
  expect(await booksOf(on, run)).toMatchObject({ confirmed: 0, unconfirmed: 0, reserved: 0 });
});

test("a bill above what the books can hold ends the spending", async () => {
  const { run, ledger } = await givenLedger(on);
  const provider = createProvider({ apiKey: KEY });
  const { llm, openai } = open({
    fetch: async (...args) => {
      const answer = await (await provider.fetch(...args)).json();
      return Response.json({ ...answer, usage: { ...answer.usage, cost: 2500 } });
    },
  }, { ledger });
  await said(openai, QUESTION);
  await llm.settled();
  expect(await booksOf(on, run)).toMatchObject({ confirmed: 2 ** 31 - 1, unconfirmed: 0, reserved: 0 });
  await expect(said(openai, "And now?")).rejects.toMatchObject({ status: 402 });
  expect(provider.account.calls).toBe(1);
});

test("where a call cannot be booked, no other is made", async () => {
  const { run, ledger } = await givenLedger(on, 1_000_000, { patienceMs: 0 });
  const { llm, openai, provider } = open({}, { ledger });
  await on.refuse("settle_llm_call");
  await said(openai, QUESTION);
  await llm.settled();
  await on.allow("settle_llm_call");
  await expect(said(openai, "And now?")).rejects.toMatchObject({ status: 424 });
  expect(llm.failures).toMatchObject([{ expectation: "ledger" }, { expectation: "ledger" }]);
  expect(provider.account.calls).toBe(1);
  expect((await booksOf(on, run)).reserved).toBeGreaterThan(0);
}, 30_000);
