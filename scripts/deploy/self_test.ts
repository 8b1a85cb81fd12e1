/** Whether all of it works together, as a bot, Telegram and an admin would find it. */
import type { Redactor } from "./redact.ts";
import type { Report } from "./report.ts";
import type { Project } from "./project.ts";
import { testAdmin } from "./self_test_admin.ts";
import { testIngest } from "./self_test_ingest.ts";
import { testSynthetic } from "./self_test_synthetic.ts";
import { testWebhook } from "./self_test_webhook.ts";
import type { Settings } from "./settings.ts";
import type { BotApi } from "./telegram.ts";

export interface SelfTest {
  settings: Settings;
  redactor: Redactor;
  report: Report;
  project: Project;
  bot: BotApi;
  username: string;
  /** Those that the bot can write to. */
  admins: readonly number[];
  /** How many the synthetic function was uploaded with; undefined: there is no such function. */
  scenarios: number | undefined;
  waitMs: number;
  signal: AbortSignal;
}

/** @throws {Failure} at the first that does not. */
export async function selfTest(test: SelfTest): Promise<void> {
  await test.report.step("test: ingest", () => testIngest(test));
  await test.report.step("test: telegram", () => testWebhook(test));
  const { scenarios } = test;
  if (scenarios !== undefined) await test.report.step("test: synthetic", () => testSynthetic(test, scenarios));
  await test.report.step("test: admin", () => testAdmin(test));
}
