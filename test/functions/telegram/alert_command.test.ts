import { expect, test } from "vitest";
import { parseAlertWords } from "../../../functions/telegram/alert_command.ts";
import { decodeAction, encodeAction } from "../../../functions/telegram/callback.ts";

test.each([
  ["quota", { rule: "quota" }],
  ["QUOTA off", { rule: "quota", enabled: false }],
  ["p95 on", { rule: "p95", enabled: true }],
  ["quota 85", { rule: "quota", threshold: 85 }],
  ["error_rate 2.5%", { rule: "error_rate", threshold: 2.5 }],
  ["p95 8s", { rule: "p95", threshold: 8000 }],
  ["p95 1.5s", { rule: "p95", threshold: 1500 }],
  ["slow_screen 750ms", { rule: "slow_screen", threshold: 750 }],
  ["ingest_p95 750", { rule: "ingest_p95", threshold: 750 }],
  ["p95 2m", { rule: "p95", threshold: 120_000 }],
  ["daily_spend $20", { rule: "daily_spend", threshold: 20_000_000 }],
  ["daily_spend 0.5", { rule: "daily_spend", threshold: 500_000 }],
  ["dropped 10", { rule: "dropped", threshold: 10 }],
  ["no_such_rule 10", { rule: "no_such_rule", threshold: 10 }],
  ["constructor 10", { rule: "constructor", threshold: 10 }],
])("%s", (words, action) => {
  const parsed = parseAlertWords(words.split(" "));
  expect(parsed).toEqual({ screen: "rule", ...action });
  // A button that tries again carries it.
  expect(decodeAction(encodeAction(parsed!))).toEqual(parsed);
  expect(encodeAction(parsed!).length).toBeLessThanOrEqual(64);
});

test.each([
  "",
  "quota maybe",
  "quota 5s",
  "p95 5%",
  "p95 $5",
  "daily_spend 5s",
  "daily_spend 999999999",
  "dropped 10%",
  "quota -1",
  "quota 1e3",
  "quota 85 86",
  "quota ٨٥",
  "quota toString",
  "drop;table 1",
  `${"x".repeat(31)} 1`,
])("not understood: %j", (words) => {
  expect(parseAlertWords(words.split(" "))).toBeNull();
});
