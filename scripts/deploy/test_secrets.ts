/** What the bot under test reads to pay for its LLM calls (`functions/synthetic/bot.ts`), by its own account. */
import bot from "../../functions/synthetic/bot.ts";
import type { BotUnderTest } from "../../functions/synthetic/define.ts";
import type { Env } from "./project_settings.ts";

export interface TestSecrets {
  secrets: Record<string, string>;
  /** Why paid tests cannot run; null: they can. */
  unpaid: string | null;
}

/** Supabase's own are set by Supabase. */
export function testSecrets(env: Env, { provider }: Pick<BotUnderTest, "provider"> = bot): TestSecrets {
  const secrets: Record<string, string> = {};
  try {
    provider((name) => {
      const value = env[name]?.trim() || undefined;
      if (value && !name.startsWith("SUPABASE_")) secrets[name] = value;
      return value;
    });
    return { secrets, unpaid: null };
  } catch (error) {
    // What it has read so far is of no use to it.
    return { secrets: {}, unpaid: (error as Error).message };
  }
}
