// Over 300 lines, because it is one chat: every test starts from the same stack, and starting one takes longest.
//
// Synthetic tests from asking to the report, in an operator's chat, on the real database: worked on by the real function,
// whose provider is a stand-in that bills; and by the test itself in its place, to see each state on the way.
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createDb, type Db, type SyntheticRun } from "../../../functions/_shared/db.ts";
import { alertSecret } from "../../../functions/_shared/secret.ts";
import type { RunKey } from "../../../functions/_shared/synthetic_db.ts";
import type { Outcome, Taken } from "../../../functions/_shared/synthetic_work.ts";
import bot from "../../../functions/synthetic/bot.ts";
import { RECORDINGS, SCENARIOS } from "../../../functions/synthetic/scenarios/all.ts";
import { scenarioEntries } from "../../../functions/synthetic/suite/entries.ts";
import { dollars } from "../../../functions/telegram/render/units.ts";
import { type Action, encodeAction } from "../../../functions/telegram/callback.ts";
import {
  ADMIN_BOT,
  type AdminStack,
  buttonsOf,
  dataOf,
  lastOf,
  type Person,
  saidIn,
  startAdminStack,
  toastIn,
} from "../../_support/admin.ts";
import type { ChatView } from "../../../functions/synthetic/telegram/views.ts";
import { serve, type Served } from "../../../scripts/stack/serve.ts";
import { createProvider, type Fault } from "../../_support/provider.ts";
import { type Receiver, startReceiver } from "../../_support/receiver.ts";
import { end, entry, outcome, start } from "../../_support/synthetic.ts";
import { makeTrace } from "../../_support/traces.ts";

const POLL = { timeout: 15_000, interval: 50 };
const [OWNER, OPERATOR, VIEWER] = [1001, 7201, 7202];
const priced = { expected_microusd: 1200, worst_microusd: 3400 };

const trace = makeTrace({
  started_at: Date.now() - 60_000,
  steps: [{ name: "llm.answer", model: "gpt-4o", status: "ok", offset_ms: 1, duration_ms: 1200, cost_microusd: 40 }],
  io: [{
    step: 1,
    request: JSON.stringify([{ role: "user", content: "Where is it? ada@example.org" }]),
    response: "ok",
  }],
});

/** What becomes of the next call that is paid for. */
let fault: () => Fault | undefined = () => undefined;
const provider = createProvider({ fault: () => fault() });
/** Resolves when the provider may answer. */
let open = Promise.resolve();
const { account } = provider;

let served: Served;
let stack: AdminStack;
let sql: pg.Client;
let db: Db;
let runner: Receiver;
let ada: Person;
let olga: Person;
let vera: Person;
let secret: string;
beforeAll(async () => {
  served = await serve((request) => open.then(() => provider.handle(request)), { port: 0 });
  stack = await startAdminStack({
    users: [{ id: 7201, first_name: "Olga" }, { id: 7202, first_name: "Vera" }],
  }, { synthetic: 1, env: { OPENROUTER_API_KEY: "paid", OPENROUTER_BASE_URL: `${served.url}/v1` } });
  sql = stack.client("postgres");
  await sql.connect();
  db = createDb(stack.info.api_url, stack.info.service_role_key);
  runner = await startReceiver();
  secret = await alertSecret(stack.info.webhook_secret);
  [ada, olga, vera] = [stack.person(OWNER), stack.person(OPERATOR), stack.person(VIEWER)];
  await ada.say(`/admin add ${OPERATOR} operator`);
  await ada.say(`/admin add ${VIEWER} viewer`);
  for (const person of [olga, vera]) await person.say("/start");
  await stack.ingest([trace]);
});
afterAll(async () => {
  runner?.close();
  await sql?.end();
  await stack?.end();
  await served?.close();
});
beforeEach(async () => {
  await sql.query("delete from tracegram.synthetic_runs; delete from tracegram.admin_audit");
  await db.changeSettings({ synthetic_run_cap_microusd: 1_000_000, synthetic_day_cap_microusd: 3_000_000 });
  await db.registerScenarios([
    entry("cancel", { smoke: true, priced: { smoke: priced, release: priced } }),
    entry("refund", { smoke: true, priced: { smoke: priced, release: priced } }),
    entry("unpriced", { priced: { smoke: null, release: null } }),
  ]);
  runner.heard = [];
});

const audit = async () =>
  (await sql.query("select user_id::int, action, allowed, detail from tracegram.admin_audit order by audit_id")).rows;
const runs = async () =>
  (await sql.query("select run_id, state, ceiling_microusd::int as ceiling, mode from tracegram.synthetic_runs")).rows;

/** Posts that a run has got on, as the function synthetic does. */
const post = (run_id: string, header = secret) =>
  fetch(stack.info.functions["telegram"]!, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tracegram-secret": header },
    body: JSON.stringify({ event: "synthetic_run", run_id }),
  });

/** What is asked for is run by the test. */
async function ask(person: Person, words = "/admin test smoke") {
  const view = await person.say(words);
  await sql.query("update tracegram.synthetic_runs set runner_url = $1", [`${runner.url}/run`]);
  return view;
}

/** Asks and confirms; resolves to what the function that runs it was told. */
async function begin(person: Person): Promise<RunKey> {
  await ask(person);
  await person.press(labelOf(person, /^▶ Run/));
  return JSON.parse(runner.heard.at(-1)!.body) as RunKey;
}

const labelIn = (view: ChatView, pattern: RegExp) => buttonsOf(view).flat().find((label) => pattern.test(label))!;
const labelOf = (person: Person, pattern: RegExp) => labelIn(person.view(), pattern);
/** The message of a run: it has buttons of its own. */
const messageOf = (person: Person) =>
  person.view().messages.findLast(({ reply_markup }) =>
    reply_markup?.inline_keyboard.flat().some(({ callback_data }) => callback_data?.startsWith("2w"))
  );
const textOf = (person: Person) => messageOf(person)?.text ?? "";

/** Pays for a call of the next scenario, and ends it. */
async function work(run: RunKey, of: Partial<Outcome> = {}): Promise<void> {
  const taken = await db.takeScenario(run, "w") as Taken;
  const call = await db.beginCall(run, taken, start({ worst_microusd: 500 }));
  if (call.kind !== "go") throw new Error(call.kind);
  await db.settleCall(run, call.call_id, end(210));
  expect(await db.finishScenario(run, taken, outcome({ cost_microusd: 210, ...of }))).toEqual({ kept: true });
}

const pressOwn = (person: Person, label: string) =>
  stack.accepted(() =>
    stack.telegram.client.press({ chat: person.chat, message_id: messageOf(person)!.message_id, label })
  );

test("a person sees the money, presses once, and the function is told to run it", async () => {
  const asked = await ask(olga);
  expect(saidIn(asked)).toMatch(
    /^Smoke tests: 2 scenarios\nabout \$0\.0024, at most \$0\.\d+\n\n[^]*\n\nSpent on tests today \$0[\d.]* of \$3\.00\nThis month \$0[\d.]* of \$20\.00\nOne run may spend \$1\.00; \$\d\.\d+ can be confirmed now\nTo be confirmed by \d\d:\d\d UTC/,
  );
  expect(await runs()).toMatchObject([{ state: "asked" }]);
  const label = labelOf(olga, /^▶ Run, at most \$/);
  const confirm = dataOf(asked, label);
  const began = await olga.press(label);
  expect(saidIn(began)).toMatch(/^▶ It is confirmed, and spends at most \$0\.\d+\.\n[^⚠]*$/);
  expect(lastOf(began).message_id).toBe(lastOf(asked).message_id);
  expect(runner.heard).toMatchObject([{ method: "POST", path: "/run" }]);
  const [{ run_id, ceiling }] = await runs();
  expect(Number(confirm.slice(24))).toBe(ceiling);
  expect(JSON.parse(runner.heard[0]!.body)).toMatchObject({ run_id, token: expect.stringMatching(/./) });

  expect(saidIn(await olga.forge(confirm))).toMatch(/^This was confirmed before\./);
  await ada.forge(confirm);
  expect(toastIn(stack)).toMatch(/^Somebody else has asked for this run\./);
  await vera.forge(confirm);
  expect(toastIn(stack)).toMatch(/^You may not do this\./);
  expect(runner.heard).toHaveLength(1);
  expect((await audit()).map(({ user_id, action, allowed }) => [user_id, action, allowed])).toEqual([
    [OPERATOR, "run_tests", true],
    [OPERATOR, "run_tests", true],
    [OWNER, "run_tests", true],
    [VIEWER, "run_tests", false],
  ]);
  expect(saidIn(await olga.say("/admin test smoke"))).toMatch(/^A run of yours is going on\./);
});

test("a confirmation that comes too late, or of what was taken back, starts nothing", async () => {
  await ask(olga);
  await sql.query("update tracegram.synthetic_runs set confirm_until = now() - interval '1 second'");
  expect(saidIn(await olga.press(labelOf(olga, /^▶ Run/)))).toMatch(/^Too late/);
  const confirm = dataOf(await ask(olga), labelOf(olga, /^▶ Run/));
  expect(saidIn(await olga.press("Cancel"))).toMatch(/^✖️ Smoke tests · taken back, nothing was spent\n/);
  expect(saidIn(await olga.forge(confirm))).toMatch(/^This run is gone\./);
  expect(runner.heard).toEqual([]);
});

test("in a group, a question is for who has asked: others are told so over the chat, and it stays", async () => {
  const { client } = stack.telegram;
  const { key, chat } = client.createGroup({ title: "On call", members: [OWNER, OPERATOR, VIEWER], bots: [ADMIN_BOT] });
  const say = (text: string, user: number) =>
    stack.accepted(() => `${chat.id}:${client.send({ chat: key, user, text }).message_id}`);
  const asked = () => lastOf(client.chat(key));
  const press = (label: string, user: number) =>
    stack.accepted(() => client.press({ chat: key, user, message_id: asked().message_id, label }));
  await say("/admin allow", OWNER);
  await say("/admin test smoke", OPERATOR);
  const [before, run] = [asked(), labelIn(client.chat(key), /^▶ Run/)];
  for (const label of [run, "Cancel"]) {
    await press(label, OWNER);
    expect(toastIn(stack)).toMatch(/^Somebody else has asked for this run\./);
    await press(label, VIEWER);
    expect(toastIn(stack)).toMatch(/^You may not do this\./);
  }
  expect(asked()).toEqual(before);
  expect(await runs()).toMatchObject([{ state: "asked" }]);
  await press("Cancel", OPERATOR);
  expect(asked().text).toMatch(/^✖️ Smoke tests · taken back/);
  expect(toastIn(stack)).toBeUndefined();
});

test("what is unknown asks for a ceiling, and a cap of nothing lets nothing through", async () => {
  const view = await ask(olga, "/admin test release unpriced refund");
  expect(saidIn(view)).toContain("⚠️ The cost of 1 scenario is unknown. Choose the most that the run may spend.");
  expect(buttonsOf(view).flat()).toEqual([
    "▶ At most $0.01",
    "▶ At most $0.05",
    "▶ At most $0.10",
    "▶ At most $1.00",
    "Cancel",
  ]);
  await olga.press("▶ At most $0.05");
  expect(await runs()).toMatchObject([{ state: "running", ceiling: 50_000 }]);
  await olga.press("■ Stop");

  await ada.say("/admin settings");
  expect(saidIn(await ada.press("🧪 $0"))).toMatch(/^✅ Settings, changed\n[^]*A run of tests may spend \$0\n/);
  expect(saidIn(await olga.say("/admin test smoke"))).toMatch(/^Nothing may be spent now\./);
});

test("a scenario is named without a tier, too, and a name that none has is said", async () => {
  expect(saidIn(await ask(olga, "/admin test cancel"))).toMatch(/^Smoke tests: 1 scenario\n/);
  expect(saidIn(await ask(olga, "/admin test unpriced"))).toMatch(/^Smoke tests: 1 scenario\n/);
  for (const words of ["smok", "smoke smok cancel", "release cancel smok", "dry smok"]) {
    expect(saidIn(await olga.say(`/admin test ${words}`)), words).toMatch(
      /^There is no scenario smok\.\nThere are: cancel · refund · unpriced\n\nThe tiers are smoke and release\n\/admin test smoke /,
    );
  }
});

test("a dry run begins at once, and costs nothing", async () => {
  // The run's own message may be below it by now.
  const { messages } = await olga.say("/admin test dry");
  expect(messages.map(({ text }) => text)).toContainEqual(
    expect.stringMatching(/^▶ It is confirmed, and costs nothing\./),
  );
  expect(await runs()).toMatchObject([{ state: "running", ceiling: 0, mode: "replay" }]);
});

test("a viewer sees the tests, and runs none", async () => {
  expect(saidIn(await vera.say("/admin tests"))).toMatch(/^Synthetic tests\n[^]*cancel · smoke · never run/);
  expect(buttonsOf(vera.view()).flat().filter((label) => /^▶|Dry run/.test(label))).toEqual([]);
  const tests = saidIn(vera.view());
  expect(saidIn(await vera.forge(encodeAction({ screen: "ask", tier: "smoke", mode: "live" })))).toBe(tests);
  expect(toastIn(stack)).toMatch(/^You may not do this\./);
  expect(saidIn(await vera.say("/admin test dry cancel"))).toMatch(/^You may not do this\./);
  expect(await runs()).toEqual([]);
  expect(await audit()).toMatchObject([
    { user_id: VIEWER, action: "run_tests", allowed: false, detail: { tier: "smoke", mode: "live" } },
    { user_id: VIEWER, action: "run_tests", allowed: false, detail: { tier: "release", mode: "replay" } },
  ]);
});

test("pressed twice at once, it starts one run; what was used up meanwhile is not spent", async () => {
  const { message_id } = lastOf(await ask(olga));
  const data = dataOf(olga.view(), labelOf(olga, /^▶ Run/));
  const press = () => stack.telegram.client.press({ chat: olga.chat, message_id, data, forged: true });
  await stack.hurried([press, press]);
  expect(runner.heard).toHaveLength(1);
  expect(await runs()).toMatchObject([{ state: "running" }]);
  await db.stopRun(OPERATOR, (await runs())[0].run_id);

  await ask(olga);
  await db.changeSettings({ synthetic_day_cap_microusd: 0 });
  expect(saidIn(await olga.press(labelOf(olga, /^▶ Run/)))).toMatch(/^That is more than may be spent by now\./);
  expect(runner.heard).toHaveLength(1);
});

describe("worked on by the function", () => {
  const smoke = SCENARIOS.filter(({ smoke }) => smoke).length;
  const view = async () => (await db.getRun((await runs())[0].run_id))!;
  let billed: number;
  let calls: number;
  beforeEach(async () => {
    await db.registerScenarios(scenarioEntries(SCENARIOS, RECORDINGS, bot));
    [billed, calls, fault, open] = [account.total, account.calls, () => undefined, Promise.resolve()];
  });

  test("a run costs what its report says, and its results and traces can be opened", async () => {
    let answer = () => {};
    open = new Promise((resolve) => answer = resolve);
    expect(saidIn(await olga.say("/admin test smoke"))).toMatch(
      new RegExp(`^Smoke tests: ${smoke} scenarios\nabout \\$[\\d.]+, at most \\$[\\d.]+\n`),
    );
    await olga.press(labelOf(olga, /^▶ Run/));
    await expect.poll(() => textOf(olga), POLL).toMatch(/^⏳ Smoke tests · 0 of /);
    const { message_id } = messageOf(olga)!;
    answer();
    await expect.poll(() => textOf(olga), POLL).toMatch(new RegExp(`^✅ Smoke tests · all ${smoke} passed\n`));
    expect(messageOf(olga)!.message_id).toBe(message_id);
    const run = await view();
    expect(account.total).toBeGreaterThan(billed);
    expect([run.spent_microusd, run.unconfirmed_microusd, run.reserved_microusd]).toEqual([
      account.total - billed,
      0,
      0,
    ]);

    await pressOwn(olga, `Details ${smoke}`);
    expect(saidIn(await olga.press("1"))).toMatch(/^✓ \S+\nSmoke tests · passed\n/);
    const trace = saidIn(await olga.press(labelOf(olga, /^🔎 Trace/)));
    expect(trace).toContain("llm.answer");
    expect(trace).toContain("synthetic");
  });

  test("stopped in the middle, it pays for nothing more, and its own message says so", async () => {
    fault = () => account.calls - calls > 2 ? { kind: "stall" } : undefined;
    await olga.say("/admin test smoke");
    await olga.press(labelOf(olga, /^▶ Run/));
    const began = lastOf(olga.view()).message_id;
    await expect.poll(() => [account.total > billed, account.inFlight > 0], POLL).toEqual([true, true]);
    await expect.poll(() => textOf(olga), POLL).toMatch(/^⏳/);
    await stack.accepted(() => stack.telegram.client.press({ chat: olga.chat, message_id: began, label: "■ Stop" }));
    await expect.poll(() => textOf(olga), POLL).toMatch(/^⏹ Smoke tests · stopped by/);
    await expect.poll(
      async () => [account.inFlight, (await view()).results.some(({ state }) => state === "running")],
      POLL,
    )
      .toEqual([0, false]);
    const [paid, made] = [account.total, account.calls];
    const run = await view();
    expect(run.spent_microusd - run.unconfirmed_microusd).toBe(paid - billed);
    expect(run.reserved_microusd).toBe(0);
    // Not what it was when it was stopped.
    const stopped = olga.view().messages.find(({ message_id }) => message_id === began)!;
    expect(stopped.text).toContain(`\n${dollars(run.spent_microusd)} of at most `);
    expect(stopped.text).not.toContain("booked");
    expect(stopped.text).not.toContain("⏳");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([account.total, account.calls]).toEqual([paid, made]);
  });

  test("a dry run asks no provider, and says that it costs nothing", async () => {
    await olga.say("/admin test dry");
    await expect.poll(() => textOf(olga), POLL).toMatch(
      new RegExp(`^✅ Release tests, dry run · all ${SCENARIOS.length} passed\nRecorded answers: it costs nothing\n`),
    );
    expect([account.calls, account.total]).toEqual([calls, billed]);
  });
});

describe("the message of a run", () => {
  test("comes, follows, and becomes the report; what its buttons open comes beside it", async () => {
    const run = await begin(olga);
    const pressed = lastOf(olga.view());
    expect((await post(run.run_id)).status).toBe(202);
    await expect.poll(() => textOf(olga), POLL).toMatch(/^⏳ Smoke tests · 0 of 2\n░{20} 0 %/);
    const { message_id } = messageOf(olga)!;
    expect(message_id).toBeGreaterThan(pressed.message_id);

    const failures = [{
      turn: 1,
      expectation: "text",
      message: "it does not contain “refund”",
      diff: ["- refund", "+ hi"],
    }];
    await work(run, { state: "failed", failures, trace_ids: [trace.trace_id] });
    await post(run.run_id);
    await expect.poll(() => textOf(olga), POLL).toMatch(
      /^⏳ Smoke tests · 1 of 2\n█{10}░{10} 50 %[^]*turn 1, text · it does not/,
    );
    await work(run);
    await post(run.run_id);
    await expect.poll(() => textOf(olga), POLL).toMatch(/^❌ Smoke tests · 1 of 2 failed\n\$0\.00042 of at most/);
    expect(messageOf(olga)!.message_id).toBe(message_id);
    expect(olga.view().messages.find((message) => message.message_id === pressed.message_id)).toEqual(pressed);

    await pressOwn(olga, "Failures 1");
    expect(saidIn(olga.view())).toMatch(/^❌ Smoke tests · 1 of 2 failed\n[^]*\n1 ✗ /);
    expect(lastOf(olga.view()).message_id).toBeGreaterThan(message_id);
    expect(saidIn(await olga.press("1"))).toMatch(/\n- refund\n\+ hi$/);
    expect(saidIn(await olga.press("🔎 Trace"))).toContain(trace.trace_id);
    expect(saidIn(await olga.press("⬅️ Result"))).toMatch(/^✗ /);
    expect(saidIn(await olga.press("⬅️ Run"))).toContain("\n2 ");
    expect(saidIn(await olga.press("⬅️ Tests"))).toMatch(/^Synthetic tests\nSpent on tests today \$0\.00\d+ of/);
    await pressOwn(olga, "🔄");
    expect(textOf(olga)).toMatch(/^❌/);
  });

  test("stops the run where it is", async () => {
    const run = await begin(olga);
    await post(run.run_id);
    await expect.poll(() => textOf(olga), POLL).toMatch(/^⏳/);
    const count = olga.view().messages.length;
    await pressOwn(olga, "■ Stop");
    expect(textOf(olga)).toMatch(new RegExp(`^⏹ Smoke tests · stopped by ${OPERATOR}: 0 passed, 0 failed\n`));
    expect(olga.view().messages).toHaveLength(count);
    expect(await db.beatRun(run, "w")).toEqual({ stopped: true });
    expect((await audit()).at(-1)).toMatchObject({ user_id: OPERATOR, action: "run_tests", detail: { act: "stop" } });
  });

  test("says that it was stopped elsewhere, though nobody works on it", async () => {
    const run = await begin(olga);
    const began = lastOf(olga.view()).message_id;
    await post(run.run_id);
    await expect.poll(() => textOf(olga), POLL).toMatch(/^⏳/);
    await stack.accepted(() => stack.telegram.client.press({ chat: olga.chat, message_id: began, label: "■ Stop" }));
    await expect.poll(() => textOf(olga), POLL).toMatch(/^⏹ Smoke tests · stopped/);
  });

  test("comes anew where it was deleted", async () => {
    const run = await begin(olga);
    await post(run.run_id);
    await expect.poll(() => textOf(olga), POLL).toMatch(/^⏳/);
    const { message_id } = messageOf(olga)!;
    const { telegram_api_root, telegram_bot_token } = stack.info;
    await fetch(
      `${telegram_api_root}/bot${telegram_bot_token}/deleteMessage?chat_id=${OPERATOR}&message_id=${message_id}`,
    );
    await work(run);
    await post(run.run_id);
    await expect.poll(() => messageOf(olga)?.message_id ?? 0, POLL).toBeGreaterThan(message_id);
  });

  test("is for who knows the secret, of a run that there is", async () => {
    const run = await begin(olga);
    const before = olga.view().messages.length;
    expect((await post(run.run_id, "guess")).status).toBe(401);
    expect((await post("nonsense")).status).toBe(400);
    expect(await (await post("6f1c2a34-9b7d-4e21-8a55-0c9d3e4f5a6b")).json()).toEqual({ code: "nothing_new" });
    expect(olga.view().messages).toHaveLength(before);
    // Nobody has claimed it.
    const claimed = await db.claimRunMessage(run.run_id);
    expect(claimed).toMatchObject({
      chat_id: OPERATOR,
      message_id: null,
      run: { version: 1 } satisfies Partial<SyntheticRun>,
    });
  });
});

test("a trace becomes a scenario, and the audit has who read its texts", async () => {
  const open: Action = { screen: "trace", trace_id: trace.trace_id, back: { to: "home" } };
  await olga.say("/admin");
  await olga.forge(encodeAction(open));
  const view = await olga.press("🧪 Make a test of this");
  const { document, caption } = lastOf(view);
  expect(document).toMatchObject({ file_name: `support-${trace.trace_id.slice(0, 8)}.yaml` });
  expect(caption).toMatch(/^A scenario\./);
  expect((await audit()).map(({ user_id, action }) => [user_id, action])).toEqual([[OPERATOR, "read_io"]]);

  await vera.say("/admin");
  expect(buttonsOf(await vera.forge(encodeAction(open))).flat()).not.toContain("🧪 Make a test of this");
  await vera.forge(encodeAction({ screen: "fixture", trace_id: trace.trace_id }));
  expect(toastIn(stack)).toMatch(/^You may not/);

  // Older than the texts are kept.
  await sql.query("delete from tracegram.trace_io where trace_id = $1", [trace.trace_id]);
  await olga.say("/admin");
  const late = buttonsOf(await olga.forge(encodeAction(open))).flat();
  expect(late).toContain("📤 JSON");
  expect(late).not.toContain("🧪 Make a test of this");
});
