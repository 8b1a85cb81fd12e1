/** A screen that could not be loaded: what happened, and what to do. */
import type { Action } from "../callback.ts";
import { bold, code, type Html, line, lines, text } from "./html.ts";
import { HOME, type Screen, screen } from "./screen.ts";

/** Its first button. `npm run deploy` knows a failure by it. */
export const TRY_AGAIN = "🔄 Try again";

/** `code` and `status` as in `RpcError`; both null when the mistake is in the admin bot itself. */
export interface Failure {
  code: string | null;
  status: number | null;
}

/** @param action What was asked for, and is asked for again by the button. */
export function renderFailure(failure: Failure, action: Action): Screen {
  return screen("failure", explanation(failure), [[{ label: TRY_AGAIN, action }, HOME]]);
}

function explanation({ code: sqlstate, status }: Failure): Html {
  if (sqlstate === null) {
    return lines(
      bold(line`This screen could not be shown.`),
      line`The reason is in the log of the telegram function.`,
    );
  }
  if (status === 503) {
    return lines(
      bold(line`The database did not answer.`),
      line`It may be restarting or too busy. Try again in a minute; if it stays so, look at the project's database health.`,
    );
  }
  // PGRST202: no such function. 42501, PGRST3..: not allowed to call it, or an invalid key.
  if (sqlstate === "PGRST202") {
    return lines(
      bold(line`The database lacks a function that this screen needs.`),
      line`Run ${code(line`supabase db push`)}, then try again.`,
    );
  }
  if (/^(42501|PGRST3)/.test(sqlstate)) {
    return lines(
      bold(line`The database refused the key of the telegram function.`),
      line`Check its SUPABASE_SERVICE_ROLE_KEY, then try again.`,
    );
  }
  return lines(
    bold(line`The database reported an error (${text(sqlstate)}).`),
    line`The message is in the log of the telegram function.`,
  );
}
