/** The environment variables that the stack takes; `.env.example` says what each means. */
const NAMES = [
  "STACK_API_PORT",
  "STACK_DB_PORT",
  "STACK_TELEGRAM_PORT",
  "TELEGRAM_API_ROOT",
  "TELEGRAM_BOT_TOKEN",
  "TELEGRAM_BOT_USERNAME",
  "TELEGRAM_WEBHOOK_SECRET",
  "TELEGRAM_ADMIN_IDS",
  "OPENROUTER_API_KEY",
  "OPENROUTER_BASE_URL",
  "SYNTHETIC_SLICE_SECONDS",
] as const;

export type Settings = { [name in typeof NAMES[number]]?: string };

/** Those that are set and not empty. */
export function readSettings(env: Record<string, string | undefined>): Settings {
  return Object.fromEntries(NAMES.flatMap((name) => env[name] ? [[name, env[name]]] : []));
}

export function changedSettings(before: Settings, now: Settings): string[] {
  return NAMES.filter((name) => before[name] !== now[name]);
}
