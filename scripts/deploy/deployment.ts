/** The steps of a deployment, in their order. Each can be done again, and be broken off, at any time. */
import { alertSecret } from "../../functions/_shared/secret.ts";
import { Invalid } from "../scenario/problem.ts";
import { edgeFunctions } from "../stack/functions.ts";
import { Failure } from "../stack/failure.ts";
import { keepInEnvFile } from "./env_file.ts";
import { Management } from "./management.ts";
import { eventually, Project } from "./project.ts";
import type { Redactor } from "./redact.ts";
import type { Report } from "./report.ts";
import { selfTest } from "./self_test.ts";
import type { Settings } from "./settings.ts";
import { SupabaseCli } from "./supabase_cli.ts";
import { BotApi } from "./telegram.ts";
import { admit, setCommands, setWebhook, webhookPlan } from "./webhook.ts";

export interface Options {
  dryRun: boolean;
  /** How long what was deployed may take to be what answers. */
  waitMs: number;
  /** A folder that is removed afterwards. */
  home: string;
  /** Aborted when somebody presses Ctrl-C. */
  signal: AbortSignal;
}

export async function deploy(settings: Settings, redactor: Redactor, report: Report, options: Options): Promise<void> {
  const { dryRun, signal } = options;
  const cli = new SupabaseCli(settings, options.home, signal);
  const management = new Management(settings, signal);
  const bot = new BotApi(settings, signal);
  const functions = edgeFunctions().map(({ name }) => name);
  // What would be done has another mark than what is done.
  const step: Report["step"] = (name, run) => report.step(name, run, dryRun ? "·" : "✓");
  let project!: Project;
  let username = "";

  await report.step("settings", async () => {
    const { name, status } = await management.project();
    if (status !== "ACTIVE_HEALTHY") {
      throw new Failure(
        `The project ${name} is ${status}.`,
        `Wake it up or wait until it is healthy: https://supabase.com/dashboard/project/${settings.ref}`,
      );
    }
    project = new Project(settings, redactor.add("service_role key", await management.serviceKey()), signal);
    ({ username } = await bot.call("getMe"));
    // The function needs it for commands that name the bot.
    settings.secrets["TELEGRAM_BOT_USERNAME"] = username;
    return { detail: `project ${name}, bot @${username}`, notes: keepWebhookSecret(settings, dryRun) };
  });

  await step("database", async () => {
    const migrations = await cli.push({ dryRun });
    const verb = dryRun ? "would apply" : "applied";
    return { detail: migrations.length > 0 ? `${verb} ${migrations.join(", ")}` : "up to date" };
  });

  let scenarios: number | undefined;
  await step("functions", async () => {
    if (functions.includes("synthetic")) scenarios = await indexScenarios(dryRun);
    if (!dryRun) await cli.deployFunctions(functions);
    const there = await management.functions();
    const now = functions.map((name) => {
      const found = there.find(({ slug }) => slug === name);
      return `${name} ${found ? `(version ${found.version})` : "(new)"}`;
    });
    return { detail: `${dryRun ? "would deploy " : ""}${now.join(", ")}` };
  });

  await step("secrets", async () => {
    const changed = await management.changedSecrets(settings.secrets);
    if (changed.length === 0) return { detail: "unchanged" };
    if (dryRun) return { detail: `would set ${changed.join(", ")}` };
    await cli.setSecrets(Object.fromEntries(changed.map((name) => [name, settings.secrets[name]!])));
    return { detail: `set ${changed.join(", ")}` };
  });

  await step("alerts", () => setAlerts(settings, project, options));

  const reachable: number[] = [];
  await step("Telegram", async () => {
    const admission = await admit(bot, settings.adminIds, username);
    reachable.push(...admission.reachable);
    if (dryRun) return { detail: await webhookPlan(bot, project.functionUrl("telegram")), notes: admission.notes };
    const before = await setWebhook(bot, project.functionUrl("telegram"), settings.webhookSecret);
    await setCommands(bot, admission.reachable);
    return {
      detail: `webhook set, /admin for ${admission.reachable.length} of ${settings.adminIds.length} admins`,
      notes: [...before, ...admission.notes],
    };
  });

  if (dryRun) return report.say("\nNothing was changed. The self-test runs after a real deployment.");
  await selfTest({ settings, redactor, report, project, bot, username, admins: reachable, scenarios, ...options });
}

/** Made anew each time, it would have to be set anew each time: Supabase tells no secret again. */
function keepWebhookSecret(settings: Settings, dryRun: boolean): string[] {
  if (!settings.webhookSecretIsNew) return [];
  if (dryRun) return ["TELEGRAM_WEBHOOK_SECRET is missing: one would be made, and kept in .env"];
  keepInEnvFile(".env", "TELEGRAM_WEBHOOK_SECRET", settings.webhookSecret);
  return ["TELEGRAM_WEBHOOK_SECRET was missing: one was made, and is kept in .env"];
}

/** What is uploaded has the scenarios as their files are now. Resolves to how many there are. */
async function indexScenarios(dryRun: boolean): Promise<number> {
  try {
    // It brings TypeScript's compiler, which a run that ends before this has no use for.
    const { refreshIndex } = await import("../scenario/index_file.ts");
    return (await refreshIndex(undefined, { check: dryRun })).scenarios.length;
  } catch (error) {
    if (!(error instanceof Invalid)) throw error;
    throw new Failure(error.message, "Change those files, then run npm run deploy again. Nothing was uploaded.");
  }
}

async function setAlerts(settings: Settings, project: Project, { dryRun, waitMs, signal }: Options) {
  const url = project.functionUrl("telegram");
  const ask = () => project.rpc("get_settings", {});
  const found = dryRun ? await ask() : await eventually(ask, { waitMs, signal });
  if (!found) {
    if (dryRun) return { detail: `would post alerts to ${url}` };
    throw new Failure(
      "PostgREST does not know get_settings, which the migration has made.",
      "In the SQL editor: notify pgrst, 'reload schema'. Then run npm run deploy again.",
    );
  }
  const { alert_url } = found.result as { alert_url: string | null };
  if (alert_url !== null && alert_url !== url) {
    const change = `select public.change_settings('{"alert_url": null}')`;
    return {
      detail: "left as they are",
      notes: [`alerts go to an address of yours; for the bot: ${change}, then deploy`],
    };
  }
  if (!dryRun) {
    const alert_secret = await alertSecret(settings.webhookSecret);
    await project.rpc("change_settings", { p_changes: { alert_url: url, alert_secret } });
  }
  return { detail: `${dryRun ? "would be" : "are"} posted to the bot` };
}
