/** The database that a terminal means. */
import { createDb, type Db } from "../../functions/_shared/db.ts";
import type { Redactor } from "../deploy/redact.ts";
import { Failure } from "../stack/failure.ts";
import { stackDir } from "../stack/stack.ts";
import { readState } from "../stack/state.ts";

export function connect(
  env: Record<string, string | undefined>,
  redactor: Redactor,
  _options: { local: boolean },
): Promise<{ db: Db; where: string }> {
  const info = readState(stackDir(env["STACK_NAME"]))?.info;
  if (!info) throw new Failure("There is no database to ask.", "Start the local stack: npm run stack -- up");
  redactor.add("service_role key", info.service_role_key);
  return Promise.resolve({ db: createDb(info.api_url, info.service_role_key), where: "the local stack" });
}
