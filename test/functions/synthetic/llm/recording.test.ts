import { expect, onTestFinished, test, vi } from "vitest";
import { formatRecordings } from "../../../_support/recordings.ts";
import { ask, open, said, streamed } from "./llm_fixture.ts";

const QUESTION = "Where is my parcel?";

/** A conversation with all that can be recorded. */
async function converse(openai: ReturnType<typeof open>["openai"]): Promise<unknown[]> {
  return [
    await streamed(openai, QUESTION),
    await said(openai, QUESTION),
    await said(openai, "I want a refund"),
    await Promise.all([said(openai, "Cancel"), said(openai, "Cancel")]),
  ];
}

/** The chunks of a stream as `fetch` gives them. */
async function chunksOf(llm: ReturnType<typeof open>["llm"]): Promise<string[]> {
  const response = await llm.fetch(`${llm.baseUrl}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...ask(QUESTION), stream: true }),
  });
  const chunks: string[] = [];
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    chunks.push(new TextDecoder().decode(chunk));
  }
  return chunks;
}

test("a replay opens no socket, asks no ledger, answers the same, and tells how long it took", async () => {
  const live = open({}, { made: { paceMs: 1 } });
  const answers = await converse(live.openai);
  await live.llm.settled();
  const fetch = vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("a socket was opened"));
  onTestFinished(() => fetch.mockRestore());
  let now = 0;
  const advance = (ms: number) => now += ms;
  const never = () => Promise.reject(new Error("nothing is paid in a replay"));
  const ledger = { begin: never, settle: never };
  const replayed = open({ mode: "replay", ledger, advance }, { recorded: live.recordings.all() });
  expect(await converse(replayed.openai)).toEqual(answers);
  expect(replayed.llm.failures).toEqual([]);
  expect(replayed.llm.totals()).toEqual(live.llm.totals());
  expect(replayed.llm.calls.map(({ response }) => response).sort())
    .toEqual(live.llm.calls.map(({ response }) => response).sort());
  expect(now).toBe(live.recordings.all().reduce((sum, { duration_ms }) => sum + duration_ms, 0));
  expect(fetch).not.toHaveBeenCalled();
  // What it was replayed from is as it was.
  expect(formatRecordings(replayed.recordings.all())).toBe(formatRecordings(live.recordings.all()));
});

test("a stream is replayed in the chunks in which it came, the clock going on with them", async () => {
  const live = open({}, { made: { paceMs: 3 } });
  const chunks = await chunksOf(live.llm);
  await live.llm.settled();
  expect(chunks.length).toBeGreaterThan(20);
  const times: number[] = [];
  let now = 0;
  const replayed = open({
    mode: "replay",
    advance: (ms) => {
      now += ms;
      times.push(now);
    },
  }, { recorded: live.recordings.all() });
  expect(await chunksOf(replayed.llm)).toEqual(chunks);
  const [recorded] = live.recordings.all();
  expect(times).toEqual([...new Set([...recorded!.chunks.map(({ ms }) => ms), recorded!.duration_ms])]);
  expect(times.length).toBeGreaterThan(10);
});

test("a file is the same whatever the order of the calls", async () => {
  const live = open();
  await converse(live.openai);
  await live.llm.settled();
  const all = live.recordings.all();
  const text = formatRecordings(all);
  expect(all.length).toBe(5);
  expect(formatRecordings(JSON.parse(text))).toBe(text);
  expect(formatRecordings([...all].reverse())).toBe(text);
  expect(text.endsWith("}\n]\n")).toBe(true);
  // And in the order in which a database gives the fields.
  const turned = (value: unknown): unknown =>
    Array.isArray(value) || typeof value !== "object" || value === null
      ? value
      : Object.fromEntries(Object.entries(value).reverse().map(([name, child]) => [name, turned(child)]));
  expect(formatRecordings(all.map(turned) as typeof all)).toBe(text);
});

test("a missing recording names the request and what is different about the closest; nobody asks again", async () => {
  const live = open();
  await converse(live.openai);
  const replayed = open({ mode: "replay" }, { recorded: live.recordings.all() });
  const asked = replayed.openai.chat.completions.create(ask("I want a refund", { max_tokens: 90 }));
  await expect(asked).rejects.toMatchObject({ status: 404, code: "no_recording" });
  await said(replayed.openai, QUESTION);
  await said(replayed.openai, QUESTION);
  await expect(said(replayed.openai, QUESTION)).rejects.toThrow("404");
  expect(replayed.llm.failures).toEqual([
    {
      expectation: "recording",
      message: expect.stringMatching(
        /^No recording of openai\/gpt-4o-mini: "I want a refund" \(key [\da-f]{12}, #0\)\. The closest one is .*"I want a refund"/,
      ),
      diff: ["  {", '-   "max_tokens": 100,', '+   "max_tokens": 90,', '    "messages": ['],
    },
    {
      expectation: "recording",
      message: expect.stringMatching(/#2\): it was recorded 2 times, and is asked once more\.$/),
    },
  ]);
  expect(replayed.llm.calls.length).toBe(2);
});

test("missing: what is recorded is replayed, and only gaps are paid for and recorded", async () => {
  const live = open();
  await said(live.openai, QUESTION);
  const filled = open({ mode: "missing" }, { recorded: live.recordings.all() });
  await said(filled.openai, QUESTION);
  await said(filled.openai, "I want a refund");
  await filled.llm.settled();
  expect(filled.provider.account.calls).toBe(1);
  expect(filled.recordings.all().length).toBe(2);
  expect(filled.llm.drift).toEqual([]);
  expect(filled.llm.totals()).toMatchObject({
    calls: 2,
    cost_microusd: live.ledger.confirmed + filled.ledger.confirmed,
  });
});

test("drift: what a live answer does otherwise than the recorded one", async () => {
  const live = open();
  await converse(live.openai);
  await live.llm.settled();
  const same = open({}, { recorded: live.recordings.all() });
  await converse(same.openai);
  await same.llm.settled();
  expect(same.llm.drift).toEqual([]);
  const other = open({ record: false }, {
    recorded: live.recordings.all(),
    made: { answer: () => ({ text: "It is lost." }) },
  });
  await said(other.openai, "I want a refund");
  await other.llm.settled();
  expect(other.llm.drift).toEqual([
    'openai/gpt-4o-mini: "I want a refund" #0: text "I have started the refund. The money is back on your card in 3 to 5 days." → "It is lost."; tokens 14 + 25 → 14 + 4',
  ]);
  // Nothing was to be recorded.
  expect(formatRecordings(other.recordings.all())).toBe(formatRecordings(live.recordings.all()));
});
