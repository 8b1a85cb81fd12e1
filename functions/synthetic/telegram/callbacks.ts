/**
 * Pressed buttons: each is a query that its bot may answer once, and soon.
 *
 * @module
 */
import type { BotState } from "./bots.ts";
import { badRequest } from "./errors.ts";
import type { CallbackAnswer } from "./events.ts";

interface Query {
  bot: BotState;
  chat: string;
  user: number;
  at: number;
  answer?: CallbackAnswer;
}

export class CallbackQueries {
  readonly #queries = new Map<string, Query>();
  readonly #now: () => number;
  readonly #timeoutMs: number;

  /** A query is too old to answer after `timeoutMs`. */
  constructor(now: () => number, timeoutMs: number) {
    this.#now = now;
    this.#timeoutMs = timeoutMs;
  }

  open(query: Omit<Query, "at" | "answer">): string {
    // Real ids are 64-bit numbers that do not fit a double; a bot that parses them must fail here too.
    const id = String(4_000_000_000_000_000_000n + BigInt(this.#queries.size + 1));
    this.#queries.set(id, { ...query, at: this.#now() });
    return id;
  }

  /** @throws {ApiError} 400 when there is no such query of this bot, or it is answered or too old. */
  answer(bot: BotState, id: string, content: Omit<CallbackAnswer, "query_id" | "user_id">): Required<Query> {
    const query = this.#queries.get(id);
    if (!query || query.bot !== bot || query.answer || this.#now() - query.at > this.#timeoutMs) {
      throw badRequest("query is too old and response timeout expired or query ID is invalid");
    }
    return Object.assign(query, { answer: { query_id: id, user_id: query.user, ...content } });
  }

  find(id: string): Readonly<Query> | undefined {
    return this.#queries.get(id);
  }
}
