import { renderResult } from "../../../../functions/telegram/render/result.ts";
import { renderNoRun, renderRun } from "../../../../functions/telegram/render/run.ts";
import { renderRunMessage } from "../../../../functions/telegram/render/run_message.ts";
import { failed, hundred, pending, result, run, running } from "../runs_fixture.ts";
import type { Example } from "./examples.ts";

const all = { only: "all", page: 0, mayStop: true } as const;
const report = run([result(1), failed(2), result(3, { last: null, median: null })]);
const worst = hundred();

export const examples: Example[] = [
  { title: "message: it runs", reply: renderRunMessage(running()) },
  {
    title: "message: it has just begun",
    reply: renderRunMessage(run([pending(1), pending(2)], { state: "running", ended_at: null })),
  },
  { title: "message: the report", reply: renderRunMessage(report) },
  { title: "message: all passed", reply: renderRunMessage(run([result(1), result(2)])) },
  {
    title: "message: out of budget",
    reply: renderRunMessage(
      run([result(1), pending(2, { state: "stopped" })], { state: "out_of_budget", unconfirmed_microusd: 700 }),
    ),
  },
  {
    title: "message: stopped",
    reply: renderRunMessage(run([result(1), pending(2)], { state: "stopped", stopped_by: 1002 })),
  },
  { title: "message: a dry run", reply: renderRunMessage(run([result(1)], { mode: "replay" })) },
  { title: "message: 100 of hostile names", reply: renderRunMessage(worst) },
  { title: "a run", reply: renderRun(report, all) },
  { title: "its failures", reply: renderRun(report, { ...all, only: "failed" }) },
  {
    title: "not confirmed",
    reply: renderRun(run([pending(1)], { state: "asked", started_at: null, ended_at: null }), all),
  },
  { title: "100 of hostile names", reply: renderRun(worst, { ...all, page: 3 }) },
  { title: "gone", reply: renderNoRun() },
  { title: "a scenario that failed", reply: renderResult(report, { position: 2, page: 0 }) },
  {
    title: "a scenario that was judged, other than recorded",
    reply: renderResult(
      run([result(1, {
        judged: [{ score: 0.85, reason: "It is friendly, and it names the order." }],
        drift: ["call 2: the answer has 312 tokens, 120 were recorded"],
        saved_microusd: 800,
        unconfirmed_microusd: 300,
        attempts: 2,
        trace_ids: [],
      })]),
      { position: 1, page: 0 },
    ),
  },
  {
    title: "stopped a moment ago: still being booked",
    reply: renderRun(
      run([result(1), pending(2, { state: "running" }), pending(3, { state: "stopped" })], {
        state: "stopped",
        stopped_by: 1002,
        reserved_microusd: 690,
      }),
      all,
    ),
  },
  {
    title: "stopped, for a viewer",
    reply: renderRun(
      run([result(1), pending(2, { state: "stopped", attempts: 1 }), pending(3, { state: "stopped" })], {
        state: "stopped",
        stopped_by: 1002,
      }),
      { ...all, mayStop: false },
    ),
  },
  { title: "a hostile scenario", reply: renderResult(worst, { position: 0, page: 0 }) },
];
