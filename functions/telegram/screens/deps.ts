import type { Db } from "../../_shared/db.ts";

/** What a screen may use. */
export interface ScreenDeps {
  db: Pick<Db, "listTraces" | "getTrace">;
  now: () => Date;
}
