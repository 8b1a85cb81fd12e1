import OpenAI from "openai";
import { expect, onTestFinished, test, vi } from "vitest";
import type { LlmOptions } from "../../../../functions/synthetic/llm/client.ts";
import { openLlm } from "../../../../functions/synthetic/llm/client.ts";
import { serve } from "../../../../scripts/stack/serve.ts";
import { startProvider } from "../../../tracer/_support/openai.ts";
import { createProvider } from "../../../_support/provider.ts";
import { ask, BASE_URL, clientOf, KEY, MODEL, open, said, streamed } from "./llm_fixture.ts";

const QUESTION = "Where is my parcel?";
const ANSWER = "Your parcel left our warehouse yesterday and arrives tomorrow before 18:00.";

/** What it would be like without a network. */
function noSockets(): void {
  const fetch = vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("a socket was opened"));
  onTestFinished(() => fetch.mockRestore());
}

test("a live call: answered, paid for, counted, recorded", async () => {
  const { llm, openai, ledger, provider, recordings } = open();
  expect(await said(openai, QUESTION)).toBe(ANSWER);
  await llm.settled();
  const { total } = provider.account;
  const [bill] = [...provider.account.bills.values()];
  expect(llm.totals()).toEqual({
    calls: 1,
    input_tokens: bill!.input,
    output_tokens: bill!.output,
    cost_microusd: total,
    saved_microusd: 0,
  });
  expect(llm.calls).toEqual([
    {
      model: MODEL,
      input_tokens: bill!.input,
      output_tokens: bill!.output,
      cost_microusd: total,
      response: ANSWER,
      whole: true,
    },
  ]);
  expect(ledger.begun).toMatchObject([{ nth: 0, model: MODEL, cache: false }]);
  expect(ledger.begun[0]!.worst_microusd).toBeGreaterThanOrEqual(total);
  expect(ledger.ends).toMatchObject([{ cost_microusd: total, status: 200, recorded: recordings.all()[0] }]);
  expect(recordings.all()[0]!.request).toEqual({
    max_tokens: 100,
    messages: [{ content: QUESTION, role: "user" }],
    model: MODEL,
  });
});

test("a stream streams: its first chunk is there long before its last", async () => {
  const { openai } = open({}, { made: { paceMs: 10 } });
  const start = performance.now();
  const times: number[] = [];
  for await (const _ of await openai.chat.completions.create({ ...ask(QUESTION), stream: true })) {
    times.push(performance.now() - start);
  }
  expect(times.length).toBeGreaterThan(20);
  expect(times[0]).toBeLessThan(times.at(-1)! / 2);
});

test("streams without a usage are asked about afterwards", async () => {
  const { llm, openai, ledger, provider } = open();
  let text = "";
  for await (const chunk of await openai.chat.completions.create({ ...ask(QUESTION), stream: true })) {
    text += chunk.choices[0]?.delta.content ?? "";
  }
  await llm.settled();
  expect(text).toBe(ANSWER);
  expect(ledger.confirmed).toBe(provider.account.total);
  expect(ledger.ends[0]!.input_tokens).toBe(provider.account.bills.get("gen-00001")!.input);
});

test("a bot that leaves a stream pays for what was written, and replays to where it left", async () => {
  const { llm, openai, ledger, provider, recordings } = open({}, { made: { paceMs: 1 } });
  const readSome = async (openai: OpenAI) => {
    let text = "";
    for await (const chunk of await openai.chat.completions.create({ ...ask(QUESTION), stream: true })) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (text.length >= 12) break;
    }
    return text;
  };
  expect(await readSome(openai)).toBe(ANSWER.slice(0, 12));
  await llm.settled();
  expect(provider.account.total).toBeGreaterThan(0);
  expect(ledger.confirmed).toBe(provider.account.total);
  expect(ledger.ends[0]!.output_tokens).toBeLessThan(15);
  expect(llm.calls).toMatchObject([{ whole: false, cost_microusd: provider.account.total }]);

  const again = open({ mode: "replay" }, { recorded: recordings.all() });
  expect(await readSome(again.openai)).toBe(ANSWER.slice(0, 12));
  expect(again.llm.calls).toEqual(llm.calls);
  await expect(streamed(open({ mode: "replay" }, { recorded: recordings.all() }).openai, QUESTION))
    .rejects.toThrow("The recording ends here");
});

test("responses and embeddings, by the client, are paid for and replayed", async () => {
  const { llm, openai, ledger, provider, recordings } = open();
  const respond = async (openai: OpenAI) => {
    const asked = { model: MODEL, input: QUESTION, max_output_tokens: 50 };
    const plain = await openai.responses.create(asked);
    let text = "";
    for await (const event of await openai.responses.create({ ...asked, stream: true })) {
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    const { data } = await openai.embeddings.create({ model: "text-embedding-3-small", input: QUESTION });
    return [plain.output_text, text, data[0]!.embedding];
  };
  const answers = await respond(openai);
  expect(answers).toEqual([ANSWER, ANSWER, [0.25, -0.5]]);
  await llm.settled();
  expect(ledger.confirmed).toBe(provider.account.total);
  expect(provider.account.bills.size).toBe(3);
  expect(ledger.begun.map(({ nth }) => nth)).toEqual([0, 1, 0]);
  expect(ledger.begun.every(({ worst_microusd }, i) => worst_microusd! >= ledger.ends[i]!.cost_microusd!)).toBe(true);
  expect(await respond(open({ mode: "replay" }, { recorded: recordings.all() }).openai)).toEqual(answers);
});

test("models of the tier take the place of the bot's, before the key is made", async () => {
  const { openai, ledger, recordings } = open({ models: { "gpt-4o": "gpt-4o-mini", "*": "gpt-4.1-nano" } });
  await said(openai, QUESTION, { model: "gpt-4o" });
  await said(openai, QUESTION, { model: "o3" });
  expect(ledger.begun.map(({ model }) => model)).toEqual(["gpt-4o-mini", "gpt-4.1-nano"]);
  expect(recordings.all().map(({ request }) => (request as { model: string }).model).sort())
    .toEqual(["gpt-4.1-nano", "gpt-4o-mini"]);
});

test("another model takes the place of the judge's only where it is named", async () => {
  const asked = async (models: Record<string, string>) => {
    const { llm, ledger } = open({ models });
    const init = { method: "POST", headers: { authorization: `Bearer ${llm.apiKey}` }, body: JSON.stringify(ask("?")) };
    await (await llm.judgeFetch(`${llm.baseUrl}/chat/completions`, init)).text();
    await llm.settled();
    return ledger.begun.map(({ model }) => model);
  };
  expect(await asked({ "*": "openai/gpt-4o" })).toEqual([MODEL]);
  expect(await asked({ "*": "openai/gpt-4o", [MODEL]: "openai/o1" })).toEqual(["openai/o1"]);
});

test("GET passes, unpaid; what nobody could pay for or replay is refused by its name", async () => {
  const { llm, ledger, openai } = open();
  expect((await openai.models.list()).data.map(({ id }) => id)).toContain("gpt-4o");
  const failed = await Promise.all([
    llm.fetch(`${BASE_URL}/images/generations`, { method: "POST", body: "{}" }),
    llm.fetch(`${BASE_URL}/models`, { method: "DELETE" }),
    llm.fetch("https://elsewhere.test/v1/chat/completions", { method: "POST", body: JSON.stringify(ask("Hi")) }),
    llm.fetch("https://llm.test/api/v1beta/chat/completions", { method: "POST", body: JSON.stringify(ask("Hi")) }),
    llm.fetch(`${BASE_URL}/chat/completions`, { method: "POST", body: "no JSON" }),
  ]);
  expect(failed.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
  expect(llm.failures.map(({ message }) => message)).toEqual([
    `POST ${BASE_URL}/images/generations cannot be paid for: only chat/completions, responses, embeddings can.`,
    `DELETE ${BASE_URL}/models cannot be paid for: only chat/completions, responses, embeddings can.`,
    `POST https://elsewhere.test/v1/chat/completions does not go to the LLM provider (${BASE_URL}).`,
    `POST https://llm.test/api/v1beta/chat/completions does not go to the LLM provider (${BASE_URL}).`,
    `POST ${BASE_URL}/chat/completions: the body is no JSON object with a model.`,
  ]);
  expect(ledger.begun).toEqual([]);

  noSockets();
  const replayed = open({ mode: "replay" });
  await expect(replayed.openai.models.list()).rejects.toThrow("cannot be replayed");
  expect(() => openLlm({ ...({} as LlmOptions), mode: "missing", provider: null })).toThrow("needs a provider");
});

test("stopping: what is under way ends at once and is settled, nothing new begins, nothing is repeated", async () => {
  const { llm, openai, ledger, provider, stop } = open();
  provider.faults.push({ kind: "stall" }, { kind: "stall_mid" });
  const stalled = said(openai, "Where is it?");
  const midway = streamed(openai, "Where are you?");
  stalled.catch(() => {});
  midway.catch(() => {});
  await vi.waitFor(() => expect(provider.account.inFlight).toBe(2));
  // The second has come so far that its id is known.
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(llm.inFlight).toBe(2);
  const start = performance.now();
  stop.abort(new Error("stopped"));
  await expect(stalled).rejects.toMatchObject({ status: 402, code: "stopped" });
  await expect(midway).rejects.toThrow();
  expect(performance.now() - start).toBeLessThan(100);
  await expect(said(openai, QUESTION)).rejects.toMatchObject({ status: 402 });
  await llm.settled();
  expect(provider.account.inFlight).toBe(0);
  expect(ledger.begun.length).toBe(2);
  expect(provider.account.total).toBeGreaterThan(0);
  // The one was told by its generation; of the other nobody knows.
  expect(ledger.confirmed).toBe(provider.account.total);
  expect(ledger.ends.map(({ cost_microusd }) => cost_microusd)).toEqual([null, provider.account.total]);
});

test("a bot's own timeout is the bot's: the client repeats, and each attempt is settled by itself", async () => {
  const { llm, openai, ledger, provider } = open();
  provider.faults.push({ kind: "stall" });
  const answer = await openai.chat.completions.create(ask(QUESTION), { timeout: 50 });
  expect(answer.choices[0]!.message.content).toBe(ANSWER);
  await llm.settled();
  expect(ledger.begun.map(({ nth }) => nth)).toEqual([0, 0]);
  expect(ledger.ends.map(({ status, recorded }) => [status, recorded?.nth])).toEqual([[0, undefined], [200, 0]]);
});

test("equal requests have numbers of their own, also at the same time", async () => {
  const { llm, openai, ledger, recordings } = open();
  await Promise.all([said(openai, QUESTION), said(openai, QUESTION), said(openai, QUESTION)]);
  await llm.settled();
  expect(ledger.begun.map(({ nth }) => nth)).toEqual([0, 1, 2]);
  expect(recordings.all().map(({ nth }) => nth)).toEqual([0, 1, 2]);
});

test("the provider's refusals go on to the bot, cost nothing, and those of the request are recorded", async () => {
  const { llm, openai, ledger, recordings, provider } = open();
  provider.faults.push({ kind: "status", status: 401 });
  await expect(said(openai, QUESTION)).rejects.toMatchObject({ status: 401 });
  await expect(said(openai, "", { messages: [] })).rejects.toThrow("400 [] is too short - 'messages'");
  await llm.settled();
  expect(ledger.ends.map(({ status, cost_microusd }) => [status, cost_microusd])).toEqual([[401, 0], [400, 0]]);
  const replayed = open({ mode: "replay" }, { recorded: recordings.all() });
  await expect(said(replayed.openai, "", { messages: [] })).rejects.toThrow("400 [] is too short - 'messages'");
  expect(recordings.all().length).toBe(1);
  expect(llm.totals()).toMatchObject({ calls: 0, cost_microusd: 0 });
});

test("OpenAI's own server, behind a port: by the table of prices, without a place to ask for generations", async () => {
  const provider = await startProvider();
  onTestFinished(() => provider.close());
  provider.reply = ({ attempt }) =>
    attempt === 0 ? { status: 500, headers: { "retry-after-ms": "1" } } : { text: "Hello!" };
  const { ledger, llm } = open({ provider: { baseUrl: provider.url, apiKey: "sk-test" }, fetch: globalThis.fetch });
  expect(await streamed(clientOf(llm), QUESTION, { model: "gpt-4o-mini" })).toBe("Hello!");
  await llm.settled();
  expect(ledger.confirmed).toBe(provider.billed);
  expect(provider.requests[0]!.headers.authorization).toBe("Bearer sk-test");
});

test("plain fetch over a port, and nobody reads the body: it is settled", async () => {
  const provider = createProvider({ apiKey: KEY });
  const server = await serve(provider.handle, { port: 0 });
  onTestFinished(() => server.close());
  const { llm, ledger } = open({ provider: { baseUrl: `${server.url}/v1`, apiKey: KEY }, fetch: globalThis.fetch });
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(ask(QUESTION)) };
  expect((await llm.fetch(new Request(`${llm.baseUrl}/chat/completions`, init))).status).toBe(200);
  await llm.settled();
  expect(ledger.confirmed).toBe(provider.account.total);
});

test("answers that no provider should give are settled all the same", async () => {
  const odd = [
    `data: {"choices":[null]}\n\ndata: [DONE]\n\n`,
    `data: {"choices":"many","id":7}\n\n`,
    `data: null\n\ndata: 5\n\n`,
    `data: {"type":"response.output_item.done","output_index":-1,"item":null}\n\n`,
    "",
  ];
  for (const text of odd) {
    const headers = { "content-type": "text/event-stream" };
    const { llm, ledger } = open({ fetch: () => Promise.resolve(new Response(text, { headers })) });
    const body = JSON.stringify({ ...ask(QUESTION), stream: true });
    expect(await (await llm.fetch(`${BASE_URL}/chat/completions`, { method: "POST", body })).text()).toBe(text);
    await llm.settled();
    expect(ledger.ends).toMatchObject([{ status: 200, cost_microusd: null }]);
  }
});
