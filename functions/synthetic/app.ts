/** Environment in, handler out: the whole synthetic function but for what only Deno has. */
import { createDb } from "../_shared/db.ts";
import { type GetEnv, readEnv } from "../_shared/env.ts";
import { alertSecret } from "../_shared/secret.ts";
import bot from "./bot.ts";
import { createSynthetic, type SyntheticDeps } from "./handler.ts";
import { RECORDINGS, SCENARIOS } from "./scenarios/all.ts";
import { sleep } from "./sleep.ts";
import { openTeller } from "./teller.ts";

/** Well below the 150 s after which Supabase ends a function, for a scenario may have begun just before. */
const DEFAULTS: Record<string, string> = { SYNTHETIC_SLICE_SECONDS: "80" };
const POST_TIMEOUT_MS = 10_000;
/** Of handing over. When all fail, the database goes on with the run within a minute. */
const PAUSES_MS = [200, 1000, 3000];

/** @param background Keeps the function running until `work` has ended. @throws {EnvError} */
export function createApp(
  get: GetEnv,
  background: (work: Promise<void>) => void = () => {},
  replaced: Partial<SyntheticDeps> = {},
): (req: Request) => Promise<Response> {
  const settings = readEnv((name) => get(name) || DEFAULTS[name], (env) => ({
    url: env.url("SUPABASE_URL"),
    key: env.text("SUPABASE_SERVICE_ROLE_KEY"),
    webhookSecret: env.text("TELEGRAM_WEBHOOK_SECRET"),
    sliceSeconds: env.text("SYNTHETIC_SLICE_SECONDS", { pattern: /^[1-9]\d{0,2}$/, form: "1 to 999 seconds" }),
  }));
  const functionUrl = (name: string) => `${settings.url}/functions/v1/${name}`;
  const secret = alertSecret(settings.webhookSecret);

  return createSynthetic({
    db: createDb(settings.url, settings.key),
    scenarios: SCENARIOS,
    recordings: RECORDINGS,
    bot,
    env: get,
    sliceMs: Number(settings.sliceSeconds) * 1000,
    background,
    log: (record) => console.log(JSON.stringify(record)),
    async handOver(run) {
      for (const pause of [0, ...PAUSES_MS]) {
        await sleep(pause);
        if (await post(functionUrl("synthetic"), run).catch(() => false)) return;
      }
    },
    teller: (run_id) =>
      openTeller({
        post: async () =>
          await post(functionUrl("telegram"), { event: "synthetic_run", run_id }, {
            "x-tracegram-secret": await secret,
          }),
      }),
    ...replaced,
  });
}

/** Resolves to whether it was heard: what is refused once is refused again. */
async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<boolean> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(POST_TIMEOUT_MS),
  });
  await response.body?.cancel();
  return response.status < 500 && response.status !== 429;
}
