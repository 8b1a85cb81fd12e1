/** The report as JUnit XML, as CI systems read it. */
import { notEnded, type ReportLine, type SuiteReport } from "./report.ts";
import { dollars, shortId } from "./units.ts";

export function junitReport(report: SuiteReport): string {
  const { tier, totals, results, repeat } = report;
  const counts = attributes({
    tests: results.length,
    failures: totals.failed,
    errors: 0,
    skipped: totals.not_run,
    time: seconds(totals.duration_ms),
  });
  const properties = {
    run: report.run_id,
    state: report.state,
    mode: report.mode,
    seed: report.seed,
    cost_microusd: totals.cost_microusd,
    spent_microusd: totals.spent_microusd,
    unconfirmed_microusd: totals.unconfirmed_microusd,
    excess_microusd: totals.excess_microusd,
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tracegram synthetic"${counts}>`,
    `  <testsuite${attributes({ name: `synthetic.${tier}` })}${counts}>`,
    "    <properties>",
    ...Object.entries(properties).flatMap(([name, value]) =>
      value === null ? [] : [`      <property${attributes({ name, value })}/>`]
    ),
    "    </properties>",
    ...results.flatMap((line) => testcase(line, tier, repeat)),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function testcase(line: ReportLine, tier: string, repeat: number): string[] {
  const name = repeat > 1 ? `${line.scenario} #${line.repeat}` : line.scenario;
  const head = attributes({ classname: `synthetic.${tier}`, name, time: seconds(line.duration_ms ?? 0) });
  const said = [
    `tokens: ${line.input_tokens} in, ${line.output_tokens} out`,
    `cost: ${dollars(line.cost_microusd)}`,
    ...line.trace_ids.map((id) => `/admin trace ${shortId(id)}`),
    ...line.judged.map(({ score, reason }) => `judged ${score}: ${reason}`),
    ...line.drift.map((drift) => `drift: ${drift}`),
  ];
  return [
    `    <testcase${head}>`,
    ...line.failures.map(({ turn, expectation, message, diff = [] }) =>
      `      <failure${attributes({ type: expectation, message })}>${
        escaped([turn === 0 ? "whole conversation" : `turn ${turn}`, message, ...diff].join("\n"))
      }</failure>`
    ),
    ...line.state === "failed" && line.failures.length === 0 ? ['      <failure type="bot"/>'] : [],
    ...["stopped", "pending", "running"].includes(line.state)
      ? [`      <skipped${attributes({ message: notEnded(line) })}/>`]
      : [],
    `      <system-out>${escaped(said.join("\n"))}</system-out>`,
    "    </testcase>",
  ];
}

const seconds = (ms: number) => (ms / 1000).toFixed(3);

const attributes = (values: Record<string, string | number | null>): string =>
  Object.entries(values).map(([name, value]) =>
    ` ${name}="${escaped(String(value)).replace(/[\n\t\r]/g, (c) => `&#${c.charCodeAt(0)};`)}"`
  )
    .join("");

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** XML 1.0 can hold neither most control characters nor half a surrogate pair, not even escaped. */
export const escaped = (text: string): string =>
  text.replace(/\p{Surrogate}/gu, "\ufffd").replace(CONTROLS, "\ufffd").replace(/[&<>"]/g, (c) => ENTITIES[c]!);

// deno-lint-ignore no-control-regex -- they are what it is about
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;
