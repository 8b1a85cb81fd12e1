/** The database that a terminal means: of the project of `.env`, or of the local stack. With a key that may do all. */
import { createDb, type Db } from "../../functions/_shared/db.ts";
import { Management } from "../deploy/management.ts";
import { readProjectSettings } from "../deploy/project_settings.ts";
import type { Redactor } from "../deploy/redact.ts";
import { Failure } from "../stack/failure.ts";
import { stackDir } from "../stack/stack.ts";
import { readState } from "../stack/state.ts";

export interface Connection {
  db: Db;
  /** For people. */
  where: string;
}

/** @param local The local stack, whatever is set. @throws {Failure} */
export async function connect(
  env: Record<string, string | undefined>,
  redactor: Redactor,
  { local }: { local: boolean },
): Promise<Connection> {
  if (!local && env["SUPABASE_PROJECT_REF"]?.trim()) return await hosted(env, redactor);
  const info = readState(stackDir(env["STACK_NAME"]))?.info;
  if (!info) {
    throw new Failure(
      "There is no database to ask: no project is set, and no local stack runs.",
      "Set SUPABASE_PROJECT_REF and SUPABASE_ACCESS_TOKEN in .env, or start one: npm run stack -- up",
    );
  }
  redactor.add("service_role key", info.service_role_key);
  return { db: createDb(info.api_url, info.service_role_key), where: "the local stack" };
}

async function hosted(env: Record<string, string | undefined>, redactor: Redactor): Promise<Connection> {
  const problems: string[] = [];
  const settings = readProjectSettings(env, redactor, problems);
  if (problems.length > 0) {
    throw new Failure(
      `These settings are missing or not right:\n- ${problems.join("\n- ")}`,
      "Set them in the environment or in .env, or use the local stack with --local.",
    );
  }
  const management = new Management(settings, new AbortController().signal);
  const key = redactor.add("service_role key", await management.serviceKey());
  return { db: createDb(settings.projectUrl, key), where: `the project ${settings.ref}` };
}
