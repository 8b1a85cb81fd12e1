// What a sender may get wrong: the item is refused with its code, and what stands beside it is stored.
import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { DAY } from "../_support/partitions.ts";
import { getTrace, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace, traceIdAt } from "../_support/traces.ts";

const withVariant = (digit: string) => {
  const trace = makeTrace();
  return { ...trace, trace_id: trace.trace_id.replace(/^(.{19})./, `$1${digit}`) };
};

const stepped = (over: object) => ({ ...makeTrace(), steps: [{ name: "a", offset_ms: 0, duration_ms: 1, ...over }] });

describe("an item of a batch", () => {
  test.for([
    { what: "no object", item: 5, code: "TG010" },
    { what: "null", item: null, code: "TG010" },
    { what: "a step of no status", item: stepped({ status: "lost" }), code: "TG013" },
    { what: "a first token before the step", item: stepped({ first_token_ms: -1 }), code: "TG013" },
    { what: "a first token that does not fit", item: stepped({ first_token_ms: 2 ** 31 }), code: "TG010" },
    { what: "an id that is no uuid", item: { ...makeTrace(), trace_id: "x" }, code: "TG010" },
    { what: "text that Postgres cannot hold", item: makeTrace({ pipeline: "a\u0000b" }), code: "TG010" },
    { what: "half of a surrogate pair", item: makeTrace({ pipeline: "a\ud83d" }), code: "TG010" },
    { what: "no id", item: { ...makeTrace(), trace_id: null }, code: "TG010" },
    { what: "a time that is none", item: { ...makeTrace(), started_at: "yesterday-ish" }, code: "TG010" },
    { what: "a time that is an object", item: { ...makeTrace(), started_at: {} }, code: "TG010" },
    { what: "an unknown status", item: { ...makeTrace(), status: "fine" }, code: "TG010" },
    { what: "an end without a duration", item: { ...makeTrace(), duration_ms: null }, code: "TG010" },
    { what: "a negative duration", item: makeTrace({ duration_ms: -1 }), code: "TG010" },
    { what: "a duration with a fraction", item: makeTrace({ duration_ms: 1.5 }), code: "TG010" },
    { what: "a number that does not fit", item: makeTrace({ chat_id: 1e30 }), code: "TG010" },
    { what: "a UUIDv4", item: makeTrace({ trace_id: "9b2a4f5e-3f0e-4a53-9f3a-0d7d3a1c2b4d" }), code: "TG011" },
    { what: "an id of no variant", item: withVariant("0"), code: "TG011" },
    { what: "an id of another millisecond", item: makeTrace({ trace_id: traceIdAt(Date.now() - 5) }), code: "TG011" },
    { what: "over an hour ahead", item: makeTrace({ started_at: Date.now() + 3_700_000 }), code: "TG012" },
    { what: "a time without an offset", item: { ...makeTrace(), started_at: "2026-01-31T12:00:00" }, code: "TG010" },
    { what: "a day by name", item: { ...makeTrace(), started_at: "today" }, code: "TG010" },
    { what: "a blank pipeline", item: makeTrace({ pipeline: " " }), code: "TG010" },
    { what: "I/O of a step that is not there", item: makeTrace({ io: [{ step: 2, request: "lost" }] }), code: "TG013" },
    { what: "I/O that is no array", item: { ...makeTrace(), io: {} }, code: "TG013" },
    { what: "over 30 days ago", item: makeTrace({ started_at: Date.now() - 31 * DAY }), code: "TG012" },
    { what: "steps that are no array", item: { ...makeTrace(), steps: {} }, code: "TG013" },
    { what: "steps as an array of Postgres's", item: { ...makeTrace(), steps: "{}" }, code: "TG013" },
    { what: "I/O as an array of Postgres's", item: { ...makeTrace(), io: "{}" }, code: "TG013" },
    { what: "no steps", item: { ...makeTrace(), steps: undefined }, code: "TG013" },
    {
      what: "a step without a name",
      item: { ...makeTrace(), steps: [{ status: "ok", offset_ms: 0, duration_ms: 0 }] },
      code: "TG013",
    },
    {
      what: "1,001 steps",
      item: makeTrace({ steps: Array(1001).fill({ name: "a", status: "ok", offset_ms: 0, duration_ms: 0 }) }),
      code: "TG013",
    },
  ])("refuses $what with $code, and stores its neighbours", async ({ item, code }, { db }) => {
    const key = await givenKey(db);
    const [before, after] = [makeTrace(), makeTrace()];
    const answer = await ingest(db, key, [before, item, after]);
    expect(answer.items.map((i) => i.result)).toEqual(["stored", "rejected", "stored"]);
    expect(answer.items[1]).toMatchObject({ code });
    expect(await getTrace(db, after.trace_id)).not.toBeNull();
  });

  test(
    "whatever a field holds, the batch is answered and its good traces are stored",
    { timeout: 60_000 },
    async ({ db }) => {
      const key = await givenKey(db);
      await db.query("update tracegram.ingest_keys set traces_per_minute = 1000000");
      const odd = [
        null,
        true,
        -1,
        1.5,
        32768,
        2147483648,
        1e30,
        "",
        " ",
        "x",
        "5",
        "-infinity",
        "today",
        "\0",
        "\ud800",
        [],
        [5],
        [[]],
        {},
        {
          a: 1,
        },
        "x".repeat(10_000),
      ];
      const whole = () => {
        const step = { name: "a", parent: null, status: "ok", offset_ms: 0, duration_ms: 1, error: null, model: null };
        const steps = [{ ...step, input_tokens: 1, output_tokens: 1, cost_microusd: 1, first_token_ms: 1 }];
        const io = [{ step: 1, request: "q", response: "r", request_chars: 1, response_chars: 1 }];
        return { ...makeTrace(), error: null, release: "1", update_id: 1, message_id: 1, steps, io };
      };
      const mutants = odd.flatMap((value) => {
        const { steps: [step], io: [io] } = whole();
        return [
          ...Object.keys(whole()).map((field) => ({ ...whole(), [field]: value })),
          ...Object.keys(step!).map((field) => ({ ...whole(), steps: [{ ...step, [field]: value }] })),
          ...Object.keys(io!).map((field) => ({ ...whole(), io: [{ ...io, [field]: value }] })),
        ];
      });
      expect(mutants.length).toBeGreaterThan(500);
      for (let i = 0; i < mutants.length; i += 100) {
        const items = mutants.slice(i, i + 100).flatMap((mutant) => [mutant, makeTrace()]);
        const answer = await ingest(db, key, items);
        expect(answer.items.filter((_, n) => n % 2 === 1).map(({ result }) => result)).toEqual(
          Array(items.length / 2).fill("stored"),
        );
        // What is stored was judged by one quick expression; wire_refusal, which gives the reasons, must agree with it.
        const stored = items.filter((_, n) => answer.items[n]!.result === "stored");
        const { rows } = await db.query(
          `select tracegram.wire_refusal(jsonb_populate_record(null::tracegram.wire_trace, item), now() - interval '30 days', now()) as refusal
           from unnest($1::jsonb[]) as item`,
          [stored.map((item) => JSON.stringify(item))],
        );
        expect(rows.filter(({ refusal }) => refusal !== null)).toEqual([]);
        for (const item of answer.items) {
          if (item.result === "rejected") {
            expect(item).toMatchObject({
              code: expect.stringMatching(/^TG01\d$/),
              message: expect.stringMatching(/\w/),
            });
          }
        }
      }
    },
  );

  test.for([
    { item: makeTrace({ duration_ms: 1.5 }), message: 'duration_ms: invalid input syntax for type integer: "1.5"' },
    { item: { ...makeTrace(), trace_id: "x" }, message: 'trace_id: invalid input syntax for type uuid: "x"' },
    { item: { ...makeTrace(), chat_id: "me" }, message: 'chat_id: invalid input syntax for type bigint: "me"' },
    {
      item: { ...makeTrace(), steps: [makeTrace().steps[0], { ...makeTrace().steps[0], offset_ms: "soon" }] },
      message: 'step 2: offset_ms: invalid input syntax for type integer: "soon"',
    },
    {
      item: { ...makeTrace(), io: [{ step: "first" }] },
      message: 'io 1: step: invalid input syntax for type smallint: "first"',
    },
  ])("says which value it could not read: $message", async ({ item, message }, { db }) => {
    const { items } = await ingest(db, await givenKey(db), [item]);
    expect(items).toMatchObject([{ result: "rejected", code: "TG010", message }]);
  });
});

test("an unreadable trace is told with its own id, or none", async ({ db }) => {
  const { trace_id, ...rest } = makeTrace();
  const bad = { meta: { trace_id: "of another" }, ...rest, duration_ms: "long" };
  const { items } = await ingest(db, await givenKey(db), [
    { ...bad, trace_id },
    { ...bad, trace_id: 5 },
    bad,
    { ...bad, trace_id, pipeline: "\u0000" },
    '"trace_id": "in a text"',
    [{ trace_id }],
  ]);
  expect(items.map((item) => [item.trace_id, item.result])).toEqual(
    [trace_id, null, null, null, null, null].map((id) => [id, "rejected"]),
  );
});

test("of an unreadable trace only the fields that are read are looked at, of the first thousand steps", async ({ db }) => {
  const why = async (item: object) =>
    (await db.query("select tracegram.unreadable_field($1) as why", [JSON.stringify(item)])).rows[0].why;
  const unknown = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`key ${n}`, "x"]));
  const step = { name: "s", offset_ms: 0, duration_ms: 1 };
  const steps = (
    length: number,
  ) => [...Array.from({ length }, () => step), { ...step, ...unknown, duration_ms: "long" }];
  expect(await why({ ...makeTrace(), ...unknown })).toBeNull();
  expect(await why({ ...makeTrace(), ...unknown, chat_id: "me" })).toMatch(/^TG010 chat_id: invalid input/);
  expect(await why(makeTrace({ steps: steps(999) as never }))).toMatch(/^TG010 step 1000: duration_ms: invalid input/);
  expect(await why(makeTrace({ steps: steps(1000) as never }))).toBeNull();
  expect(await why({ ...makeTrace(), io: [{ ...unknown, step: "one" }] })).toMatch(/^TG010 io 1: step: invalid input/);
});
