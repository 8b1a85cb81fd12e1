/**
 * Who was refused a moment ago is refused without asking the database again, for as long as an owner minds to wait after
 * adding them.
 *
 * @module
 */
import type { UpdateHead } from "../_shared/db.ts";
import type { Log } from "./log.ts";

const REMEMBERED_MS = 10_000;
/** A crowd fills neither memory nor log. */
const MAX_REMEMBERED = 1000;

export interface Strangers {
  /** Whether the sender was refused in this chat just now. */
  isKnown(head: UpdateHead): boolean;
  /** The sender was refused. */
  note(head: UpdateHead): void;
}

export function createStrangers({ log, now }: { log: Log; now: () => Date }): Strangers {
  const refusedAt = new Map<string, number>();
  let logged = 0;
  const keyOf = ({ user_id, chat_id }: UpdateHead) => `${user_id}:${chat_id}`;

  return {
    isKnown: (head) => !head.allows && now().getTime() - (refusedAt.get(keyOf(head)) ?? -Infinity) < REMEMBERED_MS,
    note(head) {
      const { user_id, chat_type } = head;
      if (!refusedAt.has(keyOf(head)) && logged < MAX_REMEMBERED) {
        logged += 1;
        log({ level: "info", event: "update_ignored", user_id, chat_type });
      }
      if (refusedAt.size >= MAX_REMEMBERED) refusedAt.clear();
      refusedAt.set(keyOf(head), now().getTime());
    },
  };
}
