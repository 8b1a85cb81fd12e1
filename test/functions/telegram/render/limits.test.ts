// Whatever traces are named: every screen whole, within the budget, without a broken tag, and its buttons fit.
import { describe, expect, test } from "vitest";
import { encodeAction } from "../../../../functions/telegram/callback.ts";
import { renderErrors } from "../../../../functions/telegram/render/errors.ts";
import { renderCandidates, renderNotFound } from "../../../../functions/telegram/render/find.ts";
import { cut } from "../../../../functions/telegram/render/graphemes.ts";
import { renderHelp } from "../../../../functions/telegram/render/help.ts";
import { renderHome } from "../../../../functions/telegram/render/home.ts";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import type { Screen } from "../../../../functions/telegram/render/screen.ts";
import { renderStats } from "../../../../functions/telegram/render/stats.ts";
import { renderStorage } from "../../../../functions/telegram/render/storage.ts";
import { renderAsk } from "../../../../functions/telegram/render/ask.ts";
import { renderResult } from "../../../../functions/telegram/render/result.ts";
import { renderRun } from "../../../../functions/telegram/render/run.ts";
import { renderRunMessage } from "../../../../functions/telegram/render/run_message.ts";
import { renderNoScenario } from "../../../../functions/telegram/render/no_scenario.ts";
import { renderTests } from "../../../../functions/telegram/render/tests.ts";
import { renderTraces } from "../../../../functions/telegram/render/traces.ts";
import { renderUsage } from "../../../../functions/telegram/render/usage.ts";
import { HOSTILE_NAMES } from "../../../_support/hostile.ts";
import { ask, hundred, overview as overviewOfTests, spend } from "../runs_fixture.ts";
import { errorGroups, group, NOW, overview, runs, stats, storage } from "../screens_fixture.ts";
import { HOSTILE, page, summary, visible } from "../traces_fixture.ts";

const NAMES = [...HOSTILE_NAMES, ...HOSTILE];
const BIG = Number.MAX_SAFE_INTEGER;
const name = (i: number): string => NAMES[i % NAMES.length]!;
const ten = <T>(of: (i: number) => T): T[] => Array.from({ length: 10 }, (_, i) => of(i));

const WORST_RUN = hundred({ spent_microusd: 1e12, mode: "missing" });

const SCREENS: Record<string, (n: number) => Screen> = {
  home: (n) =>
    renderHome(
      overview({
        window: runs({
          count: BIG,
          errors: BIG,
          error_rate: 1,
          p95_ms: 2 ** 31,
          cost_microusd: 1e11,
          unpriced_calls: BIG,
        }),
        running: BIG,
        lost: BIG,
        dropped: BIG,
        alerts: {
          open: BIG,
          newest: [1, 2, 3].map((i) => ({
            alert_id: i,
            rule: name(n),
            summary: name(n + i),
            unit: name(n + 2 * i),
            threshold: BIG,
            value: BIG,
            opened_at: NOW.toISOString(),
          })),
        },
      }),
      NOW,
    ),
  traces: (n) =>
    renderTraces(
      page(
        ten((i) =>
          summary(i, {
            pipeline: name(n + i),
            status: "error",
            error: name(n + 3 * i),
            error_step: name(n + 7 * i),
            user_id: BIG,
          })
        ),
        {
          total: BIG,
          filter: {
            pipeline: name(n),
            release: name(n + 1),
            error: name(n + 2),
            user_id: BIG,
            chat_id: -BIG,
            min_duration_ms: 2 ** 31 - 1,
            order: n % 2 ? "slowest" : "newest",
          },
          filter_id: "abcdefgh",
          filter_lost: true,
          has_newer: true,
          has_older: true,
        },
      ),
      NOW,
    ),
  errors: (n) =>
    renderErrors(
      errorGroups(
        ten((i) =>
          group(i, { pipeline: name(n + i), step: name(n + 3 * i), kind: name(n + 7 * i), count: BIG, before: BIG - i })
        ),
        { errors: BIG, errors_before: 1, count: BIG, kinds: BIG },
      ),
      720,
    ),
  stats: (n) =>
    renderStats(
      stats({
        window: runs({
          count: BIG,
          errors: BIG,
          per_hour: BIG,
          input_tokens: BIG,
          cost_microusd: 1e11,
          reasoning_tokens: BIG,
        }),
        running: BIG,
        pipelines: ten((i) => ({
          ...stats().pipelines[0]!,
          pipeline: name(n + i),
          count: BIG,
          errors: BIG,
          p95_ms: 2 ** 31,
        })),
        slowest_steps: ten((i) => ({ ...stats().slowest_steps[0]!, step: name(n + i), mean_ms: 2 ** 31 })),
      }),
      720,
      NOW,
    ),
  storage: (n) =>
    renderStorage(storage({
      guard: {
        io_sample_percent: 0,
        steps: ten((i) => ({ noted_at: NOW.toISOString(), what: name(n + i), day: name(n), detail: name(n + 3 * i) })),
      },
      days: ten(() => ({ day: "2025-01-31", trace_bytes: BIG, io_bytes: BIG, traces: BIG })),
      gaps: {
        ...storage().gaps,
        lost: BIG,
        dropped: { records: BIG, reasons: ten((i) => ({ reason: name(n + i), records: BIG })) },
      },
    })),
  candidates: (n) =>
    renderCandidates(name(n), {
      candidates: ten((i) => summary(i, { pipeline: name(n + i) })).slice(0, 5),
      more: true,
    }),
  "no scenario": (n) => {
    const names = Array.from({ length: 20 }, (_, i) => name(n + i));
    return renderNoScenario(names, names);
  },
  "not found": (n) => renderNotFound(name(n)),
  usage: (n) => renderUsage(name(n)),
  help: () => renderHelp(),
  tests: (n) =>
    renderTests(
      overviewOfTests({
        scenarios: Array.from({ length: 100 }, (_, i) => ({ ...overviewOfTests().scenarios[0]!, name: name(n + i) })),
        runs: ten(() => WORST_RUN).slice(0, 5),
        spend: { ...spend, reserved_microusd: 1e12 },
      }),
      { page: n, now: NOW, mayRun: true },
    ),
  ask: (n) =>
    renderAsk(ask({
      scenarios: Array.from({ length: 100 }, (_, i) => ({
        name: name(n + i),
        estimate: i % 3 === 0 ? null : { expected_microusd: 1e11, worst_microusd: 1e12, from: "history" },
      })),
      unknown: 34,
      repeat: 100,
      left_microusd: 1e12,
    })),
  "run message": (n) => renderRunMessage(hundred({ state: n % 2 ? "running" : "failed" })),
  run: (n) => renderRun(hundred(), { only: n % 2 ? "all" : "failed", page: n % 13, mayStop: true }),
  result: (n) => renderResult(hundred(), { position: n, page: n % 4 }),
};

describe.each(Object.entries(SCREENS))("%s", (_, render) => {
  test("of hostile names", () => {
    NAMES.forEach((_, n) => {
      const screen = render(n);
      expect(screen.chars).toBeLessThanOrEqual(MAX_VISIBLE);
      expect(screen.chars).toBe(visible(screen.html).length);
      expect(screen.html).not.toMatch(/\n\n…$/);
      expect(screen.html.replace(/<\/?(?:b|code|pre)>/g, "")).not.toMatch(/[<>]/);
      const open: string[] = [];
      for (const [, end, tag] of screen.html.matchAll(/<(\/?)(b|code|pre)>/g)) {
        if (end) expect(open.pop()).toBe(tag);
        else open.push(tag!);
      }
      expect(open).toEqual([]);
      expect(screen.keyboard.length).toBeLessThanOrEqual(8);
      for (const row of screen.keyboard) {
        expect(row.length).toBeLessThanOrEqual(8);
        for (const { action, label } of row) {
          expect(new TextEncoder().encode(encodeAction(action)).length, label).toBeLessThanOrEqual(64);
        }
      }
    });
  });

  test("its tables fit a phone", () => {
    for (const [, table] of render(0).html.matchAll(/<pre>(.*?)<\/pre>/gs)) {
      for (const row of visible(table!).split("\n")) {
        expect(cut(row.replaceAll(" ", "_"), 1000).columns, row).toBeLessThanOrEqual(36);
      }
    }
  });
});
