import { expect, test } from "vitest";
import example from "../../../../functions/synthetic/bot.ts";
import type { BotUnderTest } from "../../../../functions/synthetic/define.ts";
import { askJudge, isJudges } from "../../../../functions/synthetic/expect/judge.ts";
import type { Recorded } from "../../../../functions/synthetic/llm/ports.ts";
import type { Body } from "../../../../functions/synthetic/llm/request.ts";
import { worstOf } from "../../../../functions/synthetic/llm/worst.ts";
import { RECORDINGS, SCENARIOS } from "../../../../functions/synthetic/scenarios/all.ts";
import { scenarioEntries } from "../../../../functions/synthetic/suite/entries.ts";
import { OPENAI_PRICES } from "../../../../tracer/openai_prices.ts";
import { scenario } from "./_support.ts";

const PRICES = {
  date: "2026-01-01",
  models: { big: { input: 10, output: 100 }, small: { input: 1, output: 10 } },
};

const bot = (more: Partial<BotUnderTest> = {}): BotUnderTest => ({
  create: () => Promise.reject(new Error("unused")),
  provider: () => ({ baseUrl: "", apiKey: "" }),
  prices: PRICES,
  models: { smoke: { "*": "small" } },
  ...more,
});

const call = (model: string, request: object, more: Partial<Recorded> = {}): Recorded => ({
  key: `${model}${JSON.stringify(request)}`,
  nth: 0,
  request: { model, ...request },
  status: 200,
  content_type: "application/json",
  chunks: [],
  duration_ms: 1,
  model,
  input_tokens: 100,
  output_tokens: 10,
  cost_microusd: null,
  ...more,
});

const priced = (recorded: Recorded[], more: Partial<BotUnderTest> = {}) =>
  scenarioEntries([scenario("a")], { a: recorded }, bot(more))[0]!.priced;

/** What is set aside for such a call before it is made. */
const reserved = (model: string, request: object) =>
  worstOf({ path: "chat/completions", body: { model, ...request }, model }, PRICES)!;

test("each tier by its own recordings: expected as recorded, worst as much as is set aside for each before it is made", () => {
  const [big, small] = [{ max_tokens: 50 }, { max_tokens: 50, n: 2 }];
  expect(priced([call("big", big), call("small", small)])).toEqual({
    smoke: { expected_microusd: 100 + 100, worst_microusd: 100 + 1000 },
    release: { expected_microusd: 1000 + 1000, worst_microusd: 1000 + 5000 },
  });
  const messages = [{ role: "user", content: "Where is my parcel? ".repeat(20) }];
  const long = { ...big, messages };
  const worst_microusd = reserved("big", long) + reserved("big", big);
  expect(priced([call("big", long), call("big", big, { input_tokens: 1 })]).release?.worst_microusd).toBe(
    worst_microusd,
  );
});

test("a judge is paid for in both tiers, by a model of its own, and is told from the bot's calls", async () => {
  const bodies: object[] = [];
  await askJudge({ rubric: "Kind." }, [], {
    llm: {
      baseUrl: "",
      apiKey: "",
      fetch: (_url, init) => {
        bodies.push(JSON.parse(String(init!.body)));
        return Promise.reject(new Error("unused"));
      },
    },
    model: "small",
    pause: () => Promise.resolve(),
  });
  const judged = (model: string) => call(model, { ...bodies[0], model, max_tokens: 10 });
  const recorded = [call("big", { max_tokens: 10 }), call("small", { max_tokens: 10 }), judged("small")];
  const judge = { expected: 200, worst: reserved("small", { ...bodies[0], max_tokens: 10 }) };
  expect(priced(recorded, { judge: { model: "small" } })).toEqual({
    smoke: { expected_microusd: 200 + judge.expected, worst_microusd: 200 + judge.worst },
    release: { expected_microusd: 2000 + judge.expected, worst_microusd: 2000 + judge.worst },
  });
  // A judge alone is no estimate of the scenario.
  expect(priced([recorded[0]!, judged("small")], { judge: { model: "small" } }).smoke).toBeNull();
  // One that is the bot's own model stays it in smoke tests.
  expect(priced([recorded[1]!, judged("big")], { judge: { model: "big" } }).smoke?.expected_microusd).toBe(200 + 2000);
});

test("embeddings have no output, and a provider may answer under another name", () => {
  const prices = { ...PRICES, models: { ...PRICES.models, vectors: { input: 1, output: 0 } } };
  const vectors = call("vectors", { input: ["a"] }, { output_tokens: null });
  expect(priced([vectors], { models: {}, prices }).release).toEqual({ expected_microusd: 100, worst_microusd: 100 });
  const dated = call("small", { max_tokens: 10 }, { model: "small-2026-01-01" });
  expect(priced([dated]).smoke).toEqual({ expected_microusd: 200, worst_microusd: 200 });
});

test("the ten scenarios: what is confirmed without a ceiling holds what is set aside for each of their calls", () => {
  const entries = scenarioEntries(SCENARIOS, RECORDINGS, example);
  const known = entries.flatMap(({ name, priced }) =>
    (["smoke", "release"] as const).flatMap((tier) => priced[tier] ? [{ name, tier, ...priced[tier] }] : [])
  );
  expect(known.length).toBeGreaterThanOrEqual(13);
  for (const { name, tier, worst_microusd } of known) {
    const cheap = "openai/gpt-4o-mini";
    const asked = RECORDINGS[name]!.map(({ request }) => request as Body & { model: string })
      .filter((request) => isJudges(request) || (request.model === cheap) === (tier === "smoke"));
    const set = asked.map((body) => worstOf({ path: "chat/completions", body, model: body.model }, OPENAI_PRICES)!);
    expect([name, worst_microusd]).toEqual([name, set.reduce((sum, worst) => sum + worst)]);
  }
});

test("what is not known is null: no recording, of the other tier only, no limit, no price, no tokens", () => {
  expect(priced([])).toEqual({ smoke: null, release: null });
  expect(priced([call("small", { max_tokens: 10 })]).release).toBeNull();
  expect(priced([call("small", {})]).smoke).toBeNull();
  expect(priced([call("dear", { max_tokens: 10 })], { models: {} })).toEqual({ smoke: null, release: null });
  expect(priced([call("small", { max_tokens: 10 }, { output_tokens: null })]).smoke).toBeNull();
});
