// What the screens of synthetic tests ask the database, and what becomes of its answers. Their words: ../render/.
import { afterEach, describe, expect, test } from "vitest";
import type {
  AskAnswer,
  ConfirmAnswer,
  Db,
  StopAnswer,
  SyntheticRun,
  TraceIo,
} from "../../../../functions/_shared/db.ts";
import { RpcError } from "../../../../functions/_shared/errors.ts";
import { type Action, encodeAction } from "../../../../functions/telegram/callback.ts";
import { commandReply } from "../../../../functions/telegram/commands.ts";
import { openAllowed } from "../../../../functions/telegram/open_allowed.ts";
import type { Reply, Screen } from "../../../../functions/telegram/render/screen.ts";
import { createRunner } from "../../../../functions/telegram/runner.ts";
import type { ScreenDeps } from "../../../../functions/telegram/screens/deps.ts";
import { openScreen } from "../../../../functions/telegram/screens/open.ts";
import { type Receiver, startReceiver } from "../../../_support/receiver.ts";
import { ask, result, RUN, run, running, spend } from "../runs_fixture.ts";
import { detail, id, step } from "../traces_fixture.ts";

type Answers = { [K in keyof Db]?: unknown };

let receiver: Receiver | undefined;
afterEach(() => {
  receiver?.close();
  receiver = undefined;
});

/** A database that answers so, and notes what it is asked; an error is thrown. */
function setUp(answers: Answers, role: "viewer" | "operator" = "operator") {
  const asked: unknown[][] = [];
  const logged: object[] = [];
  const call = (name: string) => (...args: unknown[]) => {
    asked.push([name, ...args]);
    const answer = answers[name as keyof Db];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer ?? null);
  };
  const db = new Proxy({}, { get: (_, name) => call(String(name)) }) as Db;
  const deps: ScreenDeps = {
    db,
    now: () => new Date(),
    actor: { user_id: 1001, chat_id: -100, role },
    runner: createRunner({
      supabaseUrl: receiver?.url ?? "http://127.0.0.1:9",
      log: (record) => void logged.push(record),
    }),
    tellRun: (runId) => call("tellRun")(runId),
  };
  const open = (action: Action) => openAllowed(deps, action, {}) as Promise<Screen>;
  return { deps, asked, logged, open };
}

const confirmed = (runner_url: string | null): ConfirmAnswer => (
  { run_id: RUN, token: "t0ken", ceiling_microusd: 34_512, runner_url }
);
const SMOKE = { screen: "ask", tier: "smoke", mode: "live" } as const;

describe("asking", () => {
  test("begins nothing, and says where it is told and run", async () => {
    const { open, asked } = setUp({ askRun: ask() satisfies AskAnswer });
    expect(await open(SMOKE)).toMatchObject({ name: "ask" });
    expect(asked).toEqual([["askRun", 1001, {
      tier: "smoke",
      mode: "live",
      chat_id: -100,
      runner_url: "http://127.0.0.1:9/functions/v1/synthetic",
    }]]);
  });

  test("for a dry run confirms it at once, with nothing to spend", async () => {
    receiver = await startReceiver();
    const { open, asked } = setUp({
      askRun: ask({ mode: "replay" }),
      confirmRun: { ...confirmed(`${receiver.url}/run`), ceiling_microusd: 0 },
    });
    expect((await open({ ...SMOKE, mode: "replay" })).html).toContain("costs nothing");
    expect(asked.map(([name, , ...rest]) => [name, ...rest])).toEqual([
      ["askRun", expect.objectContaining({ mode: "replay" })],
      ["confirmRun", RUN, 0],
    ]);
    expect(receiver.heard).toMatchObject([{ path: "/run" }]);
  });

  test.each<[AskAnswer, string, string]>([
    [{ refused: "operator" }, "refusal", "You may not do this."],
    [{ no: "running", run_id: RUN }, "ask", "A run of yours is going on."],
    [{ no: "none", spend }, "ask", "There are no such scenarios."],
    [{ no: "cap", spend }, "ask", "Nothing may be spent now."],
  ])("may be answered with %j", async (askRun, name, words) => {
    const screen = await setUp({ askRun }).open(SMOKE);
    expect(screen).toMatchObject({ name, html: expect.stringContaining(words) });
  });

  test("is for operators: the audit has who tried", async () => {
    const { open, asked } = setUp({}, "viewer");
    for (
      const action of [
        SMOKE,
        { screen: "confirm", run_id: RUN, ceiling: 5 },
        { screen: "stop", run_id: RUN },
        { screen: "fixture", trace_id: id(1) },
      ] as const
    ) expect(await open(action)).toMatchObject({ name: "refusal" });
    expect(asked).toEqual([
      ["refuseAction", 1001, "operator", "run_tests", { tier: "smoke", mode: "live" }],
      ["refuseAction", 1001, "operator", "run_tests", { run_id: RUN, ceiling: 5 }],
      ["refuseAction", 1001, "operator", "run_tests", { run_id: RUN }],
      ["refuseAction", 1001, "operator", "read_io", { trace_id: id(1) }],
    ]);
  });

  describe("in words, with names", () => {
    const write = (deps: ScreenDeps, words: string, unclaimed?: unknown) => {
      const told = { changing: 0 };
      const reply = commandReply(
        deps,
        { adminIds: [], token: "1:a" },
        { command: { name: "admin", words }, reply: {} as never, isGroup: false },
        {
          unclaimed,
          changing: () => void told.changing++,
          open: () => Promise.reject(new Error("it opens nothing else")),
          failed: (error, action): Reply => ({
            name: "failed",
            html: String(error),
            chars: 0,
            keyboard: [[{ label: "again", action }]],
          }),
        },
      ) as Promise<Screen>;
      return { reply, told };
    };

    test("asks for these alone", async () => {
      const { deps, asked } = setUp({ askRun: ask() });
      expect(await write(deps, "test smoke refund cancel").reply).toMatchObject({ name: "ask" });
      expect(asked).toMatchObject([["askRun", 1001, { tier: "smoke", scenarios: ["refund", "cancel"] }]]);
    });

    test("is for operators", async () => {
      const { deps, asked } = setUp({}, "viewer");
      expect(await write(deps, "test smoke refund").reply).toMatchObject({ name: "refusal" });
      expect(asked.map(([name]) => name)).toEqual(["refuseAction"]);
    });

    test("a dry run is begun by who has a claim", async () => {
      const { deps, asked } = setUp({ askRun: ask({ mode: "replay" }), confirmRun: confirmed(null) });
      const { reply, told } = write(deps, "test dry refund");
      await reply;
      expect(told.changing).toBe(1);
      expect(asked.map(([name]) => name)).toEqual(["askRun", "confirmRun"]);
      const unclaimed = setUp({});
      expect(await write(unclaimed.deps, "test dry refund", new Error("away")).reply).toMatchObject({ name: "failed" });
      expect(unclaimed.asked).toEqual([]);
    });

    test("that fails leads to the tests, and not to a run of all", async () => {
      const { deps } = setUp({ askRun: new RpcError({ code: "57014", message: "timeout" }, 503) });
      expect(await write(deps, "test release refund").reply).toMatchObject({
        name: "failed",
        keyboard: [[{ action: { screen: "tests" } }]],
      });
    });
  });
});

describe("confirming", () => {
  test("tells the function that runs it, with the run's token", async () => {
    receiver = await startReceiver();
    const { open, asked } = setUp({ confirmRun: confirmed(`${receiver.url}/functions/v1/synthetic`) });
    const screen = await open({ screen: "confirm", run_id: RUN, ceiling: 34_512 });
    expect(screen.html).toContain("at most $0.0346");
    expect(screen.html).not.toContain("did not answer");
    expect(asked).toEqual([["confirmRun", 1001, RUN, 34_512]]);
    expect(receiver.heard).toMatchObject([{ method: "POST", path: "/functions/v1/synthetic" }]);
    expect(JSON.parse(receiver.heard[0]!.body)).toEqual({ run_id: RUN, token: "t0ken" });
    expect(screen.html + JSON.stringify(screen.keyboard)).not.toContain("t0ken");
  });

  test.each(["refuses", "hangs up"])("when the function %s, the database will", async (what) => {
    receiver = await startReceiver();
    receiver.respond = (response) => what === "refuses" ? response.writeHead(500).end() : void response.destroy();
    const { open, logged } = setUp({ confirmRun: confirmed(receiver.url) });
    expect((await open({ screen: "confirm", run_id: RUN, ceiling: 34_512 })).html).toContain("again within a minute");
    expect(logged).toHaveLength(1);
    expect(JSON.stringify(logged)).not.toContain("t0ken");
  });

  test.each(["expired", "used", "not_yours", "over_cap", "no_ceiling", "gone"] as const)(
    "may be too late: %s",
    async (no) => {
      receiver = await startReceiver();
      const { open } = setUp({ confirmRun: { no } });
      expect(await open({ screen: "confirm", run_id: RUN, ceiling: 1 })).toMatchObject({ name: "run_not_confirmed" });
      expect(receiver.heard).toEqual([]);
    },
  );
});

describe("a run's own message", () => {
  const watch = (press: "stop" | "refresh" | "failures" | "details") =>
    ({ screen: "watch", run_id: RUN, press }) as const;

  test("is stopped where it is", async () => {
    const { open, asked } = setUp({
      stopRun: { state: "stopped" } satisfies StopAnswer,
      getRun: run([result(1)], { state: "stopped", stopped_by: 1001 }),
    });
    const screen = await open(watch("stop"));
    expect(screen).toMatchObject({ name: "run_message", html: expect.stringContaining("stopped by 1001") });
    expect(screen.fresh).toBeUndefined();
    expect(asked).toEqual([["stopRun", 1001, RUN], ["getRun", RUN]]);
  });

  test("opens all else as a new message", async () => {
    const { open } = setUp({ getRun: run([result(1)]) });
    expect(await open(watch("failures"))).toMatchObject({ name: "run", fresh: true });
    expect(await open(watch("details"))).toMatchObject({ name: "run", fresh: true });
    expect(await setUp({}).open(watch("refresh"))).toMatchObject({ name: "run", fresh: true });
    expect(await setUp({ stopRun: { refused: "operator" } }).open(watch("stop"))).toMatchObject({
      name: "refusal",
      fresh: true,
    });
    const away = setUp({ getRun: new RpcError({ message: "away" }, 503) });
    expect(await away.open(watch("refresh"))).toMatchObject({ name: "failure", fresh: true });
  });

  test("is looked at again once it is over, for the report may have been overtaken", async () => {
    const answers: { getRun: SyntheticRun } = { getRun: running() };
    const { open } = setUp(answers);
    const screen = await open(watch("refresh"));
    expect(await screen.again!()).toBeNull();
    answers.getRun = run([result(1)], { version: 99 });
    const report = await screen.again!();
    expect(report).toMatchObject({ name: "run_message", html: expect.stringContaining("all 1 passed") });
    expect(await report!.again!()).toBeNull();
  });
});

test("stopping shows the run, and has its own message told; one that is gone is said to be so", async () => {
  const stopped = setUp({ stopRun: { state: "stopped" }, getRun: run([], { state: "stopped" }) });
  expect(await stopped.open({ screen: "stop", run_id: RUN })).toMatchObject({ name: "run" });
  expect(stopped.asked).toEqual([["stopRun", 1001, RUN], ["tellRun", RUN], ["getRun", RUN]]);
  const { open, asked } = setUp({ stopRun: { state: "cancelled" }, getRun: run([], { state: "cancelled" }) });
  expect((await open({ screen: "stop", run_id: RUN })).html).toContain("taken back, nothing was spent");
  expect(asked).toEqual([["stopRun", 1001, RUN], ["getRun", RUN]]);
  expect((await setUp({ stopRun: { no: "gone" } }).open({ screen: "stop", run_id: RUN })).html).toContain(
    "This run is gone.",
  );
  expect((await setUp({}).open({ screen: "result", run_id: RUN, position: 1, page: 0 })).html).toContain(
    "This run is gone.",
  );
});

describe("making a test of a trace", () => {
  const io = (step: number, request: string): TraceIo => ({
    step,
    request,
    request_chars: request.length,
    response: null,
    response_chars: null,
  });
  const trace = detail(1, { steps: [step("llm.answer", 0, 1, { model: "m" })], io_steps: [1] });
  const fixture = { screen: "fixture", trace_id: id(1) } as const;
  const read = async (reply: Reply) => {
    if (!("content" in reply)) throw new Error("no file");
    let text = "";
    for await (const piece of reply.content(() => {})) text += new TextDecoder().decode(piece);
    return text;
  };

  test("sends a scenario, and reads no more than it needs", async () => {
    const said = JSON.stringify([{ role: "user", content: "Write to ada@example.org" }]);
    const { deps, asked } = setUp({ getTrace: trace, adminExportIo: { io: [io(1, said)], more: true } });
    const reply = await openScreen(deps, fixture);
    expect(reply).toMatchObject({ filename: "support-0194bc1f.yaml", caption: expect.stringContaining("masked") });
    expect(await read(reply)).toContain('- say: "Write to [email]"\n');
    expect(asked).toEqual([["getTrace", id(1)], ["adminExportIo", 1001, id(1), 0]]);
    expect(encodeAction(fixture)).toHaveLength(24);
  });

  test("says where what the person wrote is not kept", async () => {
    const { deps } = setUp({ getTrace: trace, adminExportIo: { io: [], more: false } });
    const reply = await openScreen(deps, fixture);
    expect(reply).toMatchObject({ caption: expect.stringContaining("TODO") });
    expect(await read(reply)).toContain("# TODO");
  });

  test("is refused to who is no operator any more, and of a trace that is gone", async () => {
    const { deps } = setUp({ getTrace: trace, adminExportIo: { refused: "operator" } });
    expect(await openScreen(deps, fixture)).toMatchObject({ name: "refusal" });
    expect(await openScreen(setUp({}).deps, fixture)).toMatchObject({ name: "export" });
  });
});
