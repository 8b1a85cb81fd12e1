/** What the bot under test reads to pay for its LLM calls (`functions/synthetic/bot.ts`), by its own account. */
import type { BotUnderTest } from "../../functions/synthetic/define.ts";
import type { Env } from "./project_settings.ts";

export interface TestSecrets {
  secrets: Record<string, string>;
  /** Why paid tests cannot run; null: they can. */
  unpaid: string | null;
}

/** Supabase's own are set by Supabase. @param bot Default: that of `bot.ts`, which brings all that the bot is made of. */
export async function testSecrets(env: Env, bot?: Pick<BotUnderTest, "provider">): Promise<TestSecrets> {
  const secrets: Record<string, string> = {};
  try {
    const { provider } = bot ?? (await import("../../functions/synthetic/bot.ts")).default;
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
