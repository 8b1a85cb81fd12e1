import { createDb } from "../_shared/db.ts";
import { readEnv, whenConfigured } from "../_shared/env.ts";
import { createIngest } from "./handler.ts";

Deno.serve(whenConfigured(() => {
  const { url, key } = readEnv((name) => Deno.env.get(name), (env) => ({
    url: env.url("SUPABASE_URL"),
    // The least of Supabase's keys: the database checks the bot's own.
    key: env.text("SUPABASE_ANON_KEY"),
  }));
  return createIngest({ db: createDb(url, key), now: Date.now, log: console.error });
}));
