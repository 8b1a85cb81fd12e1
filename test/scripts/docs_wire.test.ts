// The schema and the server take the same batches. What only one of them refuses is listed here, and in docs/wire.md.
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, test as plain } from "vitest";
import { wireSchema } from "../../scripts/docs_wire.ts";
import * as wire from "../../tracer/wire.ts";
import { test } from "../_support/db.ts";
import { givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace, traceIdAt } from "../_support/traces.ts";

const validate = new Ajv({ strict: true, strictTypes: false, strictRequired: false }).compile(JSON.parse(wireSchema()));

const trace = (over: object = {}): Record<string, unknown> => ({ ...makeTrace(), ...over });
const without = (field: string) => Object.fromEntries(Object.entries(trace()).filter(([name]) => name !== field));
const stepped = (over: object) => trace({ steps: [{ name: "llm", offset_ms: 0, duration_ms: 1, ...over }] });
const withIo = (...io: object[]) => trace({ io });
const report = (over: object = {}) => ({ sender: crypto.randomUUID(), dropped: {}, traces: [trace()], ...over });
const at = (written: (ms: number) => string | number) => {
  const ms = Date.now();
  return trace({ trace_id: traceIdAt(ms), started_at: written(ms) });
};
const iso = (ms: number) => new Date(ms).toISOString();
const uuid = (change: (id: string) => string) => {
  const ms = Date.now();
  return trace({ trace_id: change(traceIdAt(ms)), started_at: ms });
};

type Case = [what: string, batch: unknown];

/** Both take them. */
const GOOD: Case[] = [
  ["a trace", [trace()]],
  ["500 traces", Array.from({ length: 500 }, () => trace())],
  ["a trace that runs", [{ ...without("duration_ms"), status: "running" }]],
  ["one that failed", [trace({ status: "error", error: "x".repeat(5000) })]],
  ["no steps", [trace({ steps: [] })]],
  ["1,000 steps", [
    trace({ steps: Array.from({ length: 1000 }, () => ({ name: "a", offset_ms: 0, duration_ms: 0 })) }),
  ]],
  ["the least step", [stepped({ offset_ms: 0, duration_ms: 0 })]],
  ["the longest step", [stepped({ offset_ms: 2 ** 31 - 1, duration_ms: 2 ** 31 - 1, first_token_ms: 2 ** 31 - 1 })]],
  ["a step of each status", ["ok", "error", "detached"].map((status) => stepped({ status }))],
  ["an orphan", [stepped({ parent: 7 }), stepped({ parent: 0 }), stepped({ parent: -32_768 })]],
  ["a long name", [stepped({ name: "n".repeat(500), model: "m".repeat(500), error: "e".repeat(5000) })]],
  ["most tokens", [stepped({
    ...{ input_tokens: 1e8, cached_tokens: 1e8, output_tokens: 1e8, reasoning_tokens: 1e8, cost_microusd: 1e9 },
  })]],
  ["no tokens", [stepped({ input_tokens: 0, output_tokens: 0, cost_microusd: 0, first_token_ms: 0 })]],
  ["Telegram's keys", [
    trace({ update_id: 2 ** 31 - 1, message_id: -(2 ** 31), chat_id: -1_001_500_000_000, user_id: 2 ** 52 }),
  ]],
  ["ISO 8601", [at(iso), at((ms) => iso(ms).replace("T", " ")), at((ms) => iso(ms).replace("Z", "999Z"))]],
  ["an offset", [
    at((ms) => iso(ms + 7_200_000).replace("Z", "+02:00")),
    at((ms) => iso(ms - 1_800_000).replace("Z", "-0030")),
  ]],
  ["a fraction of a millisecond", [at((ms) => ms + 0.5)]],
  ["an id in capitals", [uuid((id) => id.toUpperCase())]],
  ["I/O", [withIo({ step: 1, request: "q".repeat(70_000), response: "", request_chars: 80_000, response_chars: 0 })]],
  ["empty I/O", [withIo(), withIo({ step: 1 })]],
  ["fields that nobody knows", [
    trace({ colour: "red", nested: { a: [1] } }),
    stepped({ colour: null }),
    withIo({ step: 1, colour: 1 }),
  ]],
  ["a tab for a pipeline", [trace({ pipeline: "\t" })]],
  ["a report", report({ dropped: { queue_full: 3, refused: 0 }, version: 7 })],
  [
    "a report of twenty reasons",
    report({
      dropped: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}`.padStart(40, "r"), 2 ** 53 - 1])),
    }),
  ],
  ["a report in capitals", report({ sender: crypto.randomUUID().toUpperCase() })],
];

/** Both refuse them. */
const BAD: Case[] = [
  ["null", null],
  ["a string", "traces"],
  ["an object", {}],
  ["no traces", []],
  ["501 traces", Array.from({ length: 501 }, () => trace())],
  ["a trace that is null", [null]],
  ["a trace that is a number", [5]],
  ["a trace in an array", [[trace()]]],
  ...["trace_id", "started_at", "pipeline", "status", "duration_ms", "steps"].map((field): Case => [
    `no ${field}`,
    [without(field)],
  ]),
  ["a UUIDv4", [trace({ trace_id: crypto.randomUUID() })]],
  ["an id of no variant", [uuid((id) => id.replace(/^(.{19})./, "$1c"))]],
  ["an id that is none", [trace({ trace_id: "1" })]],
  ["a time without an offset", [at((ms) => iso(ms).replace("Z", ""))]],
  ["a time that is a word", [trace({ started_at: "now" })]],
  ["a time that is true", [trace({ started_at: true })]],
  ["a pipeline of spaces", [trace({ pipeline: "  " })]],
  ["an unknown status", [trace({ status: "lost" })]],
  ["a running trace with a duration", [trace({ status: "running" })]],
  ["a negative duration", [trace({ duration_ms: -1 })]],
  ["a duration that does not fit", [trace({ duration_ms: 2 ** 31 })]],
  ["a fraction", [trace({ duration_ms: 1.5 })]],
  ["an update id that does not fit", [trace({ update_id: 2 ** 31 })]],
  ["steps that are an object", [trace({ steps: {} })]],
  ["steps that are null", [trace({ steps: null })]],
  ["a step that is a number", [trace({ steps: [5] })]],
  ["1,001 steps", [
    trace({ steps: Array.from({ length: 1001 }, () => ({ name: "a", offset_ms: 0, duration_ms: 0 })) }),
  ]],
  ["a step without a name", [stepped({ name: "" }), stepped({ name: undefined })]],
  ["a step without its times", [stepped({ offset_ms: undefined })]],
  ["a step before its trace", [stepped({ offset_ms: -1 })]],
  ["an unknown status of a step", [stepped({ status: "running" })]],
  ["a parent that does not fit", [stepped({ parent: 32_768 })]],
  ["too many tokens", [stepped({ output_tokens: 1e8 + 1 })]],
  ["negative tokens", [stepped({ reasoning_tokens: -1 })]],
  ["too dear", [stepped({ cost_microusd: 1e9 + 1 })]],
  ["a negative first token", [stepped({ first_token_ms: -1 })]],
  ["a first token that does not fit", [stepped({ first_token_ms: 2 ** 31 })]],
  ["I/O that is an object", [trace({ io: { step: 1 } })]],
  ["I/O that is text", [trace({ io: ["q"] })]],
  ["I/O of no step", [withIo({ request: "q" })]],
  ["I/O of step 0", [withIo({ step: 0 })]],
  ["I/O of step 1,001", [withIo({ step: 1001 })]],
  ["a report without traces", report({ traces: [] })],
  ["a report of an object", report({ traces: {} })],
  ["a report of a bad trace", report({ traces: [trace({ status: "fine" })] })],
];

/** Only the server can see that. The lists of docs/wire.md say the same. */
const SERVER_ONLY: Case[] = [
  ["an id of another millisecond", [trace({ trace_id: traceIdAt(Date.now() - 60_000), started_at: Date.now() })]],
  ["a day that is not kept", [trace(makeTrace({ started_at: Date.now() - 40 * 86_400_000 }))]],
  ["over an hour ahead", [trace(makeTrace({ started_at: Date.now() + 3_700_000 }))]],
  ["a time that does not exist", [trace({ started_at: "2026-02-30T12:00:00Z" })]],
  ["I/O of a step that the trace does not have", [withIo({ step: 2 })]],
  ["I/O without steps of a trace that is not stored", [trace({ steps: [], io: [{ step: 1 }] })]],
  ["over 1 MiB", [trace({ error: "x".repeat(1_048_576) })]],
  [
    "a whole number that is written with a fraction",
    JSON.stringify([trace()]).replace('"duration_ms":1234', '"duration_ms":1234.0'),
  ],
  ["what Postgres cannot store as text", [trace({ pipeline: "a\0b" })]],
];

/** The server takes more than the schema. Nobody should rely on it. */
const LENIENT: Case[] = [
  ["null for what is absent", [
    trace({ error: null, chat_id: null, io: null }),
    stepped({ parent: null, cost_microusd: null }),
  ]],
  ["numbers as text, text as numbers", [trace({ duration_ms: "5", pipeline: 5 })]],
  ["an id without hyphens", [uuid((id) => id.replaceAll("-", ""))]],
  ["ids over 53 bits", [trace({ chat_id: 2 ** 60 })]],
  ["a length below 0", [withIo({ step: 1, request: "q", request_chars: -5 })]],
  ["a report of a sender that is none", report({ sender: "me" })],
  ["a report of drops that are none", report({ dropped: [1] })],
  [
    "a report of too many reasons",
    report({
      dropped: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`r${i}`, 1])),
    }),
  ],
  ["a report of negative drops", report({ dropped: { queue_full: -1 } })],
  ["a report of long reasons", report({ dropped: { ["r".repeat(41)]: 1 } })],
];

const ALL = [
  ...GOOD.map((of) => ({ of, schema: true, server: true })),
  ...BAD.map((of) => ({ of, schema: false, server: false })),
  ...SERVER_ONLY.map((of) => ({ of, schema: true, server: false })),
  ...LENIENT.map((of) => ({ of, schema: false, server: true })),
];

test.for(ALL)(
  "$of.0: by the schema $schema, by the server $server",
  async ({ of: [, batch], schema, server }, { db }) => {
    const json = typeof batch === "string" && batch.startsWith("[") ? batch : JSON.stringify(batch);
    const valid = validate(JSON.parse(json));
    expect([valid, validate.errors]).toEqual([schema, schema ? null : expect.anything()]);
    const key = await givenKey(db);
    const taken = await ingest(db, key, json).then(
      ({ rejected, items }) => ({ ok: rejected === 0, items }),
      (error) => ({ ok: false, items: error.code as string }),
    );
    expect(taken).toMatchObject({ ok: server });
    // Whatever is refused is refused by a rule of the wire, not by an accident.
    if (typeof taken.items === "string") expect(taken.items).toMatch(/^TG00[23]$/);
  },
);

plain("the corpus is large enough to say so", () => expect(ALL.length).toBeGreaterThan(80));

plain("docs/wire.schema.json is the schema", () => {
  expect(readFileSync(new URL("../../docs/wire.schema.json", import.meta.url), "utf8")).toBe(wireSchema());
});

describe("the tags of wire.ts say what its constants say", () => {
  const { definitions } = JSON.parse(wireSchema());
  const { WireTraces, WireTrace, WireStep, WireIo, WireReport, WireTime } = definitions;
  const step = WireStep.properties;
  plain.each([
    ["MAX_TRACES_PER_BATCH", wire.MAX_TRACES_PER_BATCH, WireTraces.maxItems],
    ["MAX_STEPS", wire.MAX_STEPS, WireTrace.properties.steps.maxItems],
    ["MAX_STEPS, of I/O", wire.MAX_STEPS, WireIo.properties.step.maximum],
    ["MAX_COST_MICROUSD", wire.MAX_COST_MICROUSD, step.cost_microusd.maximum],
    ["MAX_DROP_REASONS", wire.MAX_DROP_REASONS, WireReport.properties.dropped.maxProperties],
    ["MAX_DROP_REASON", wire.MAX_DROP_REASON, WireReport.properties.dropped.propertyNames.maxLength],
    ...["input", "cached", "output", "reasoning"].map((of): [string, number, number] => [
      `MAX_TOKENS, ${of}`,
      wire.MAX_TOKENS,
      step[`${of}_tokens`].maximum,
    ]),
  ])("%s", (_, constant, tag) => expect(tag).toBe(constant));

  plain("and a time is what sql/40_wire.sql takes for one", () => {
    const sql = readFileSync(new URL("../../sql/40_wire.sql", import.meta.url), "utf8");
    expect(sql).toContain(`'${WireTime.pattern}'`);
  });
});
