import type { Db, Role } from "../../_shared/db.ts";
import type { Runner } from "../runner.ts";

/** Who asks. */
export interface Actor {
  user_id: number;
  chat_id: number;
  role: Role;
}

/** What a screen may use. */
export interface ScreenDeps {
  db: Db;
  now: () => Date;
  sleep: (ms: number) => Promise<void>;
  actor: Actor;
  runner: Runner;
  /** Brings a run's own message up to date, after the press if need be. Never throws. */
  tellRun: (runId: string) => Promise<unknown>;
}
