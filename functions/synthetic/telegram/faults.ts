/**
 * Faults a test can order: what Telegram and the network do to a bot on a bad day.
 *
 * @module
 */

/**
 * What happens to a call instead of the usual:
 *
 * - `respond`: it is answered with this status and body, and not applied.
 * - `delay`: it is applied and answered `ms` later.
 * - `drop`: the connection is lost, before it is applied or (`applied`) after it, so that the bot cannot know.
 */
export type Fault =
  | { kind: "respond"; status: number; body: unknown }
  | { kind: "delay"; ms: number }
  | { kind: "drop"; applied: boolean };

const refusal = (error_code: number, description: string, parameters?: { retry_after: number }): Fault => ({
  kind: "respond",
  status: error_code,
  body: { ok: false, error_code, description, ...(parameters && { parameters }) },
});

/** What Telegram says when it will not, in its own words. */
export const REFUSALS = {
  blocked: refusal(403, "Forbidden: bot was blocked by the user"),
  /** Of a message that is too old, or that was not the bot's. */
  notEditable: refusal(400, "Bad Request: message can't be edited"),
  gone: refusal(400, "Bad Request: message to edit not found"),
  broken: refusal(500, "Internal Server Error"),
  flood: (seconds: number): Fault =>
    refusal(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds }),
};

/** Applies to the next `times` calls of `method` (of any method when left out), by `bot` (by any bot). */
export interface FaultOrder {
  fault: Fault;
  method?: string;
  /** Id of the bot. */
  bot?: number;
  /** Default 1. */
  times?: number;
}

export class Faults {
  #orders: { order: FaultOrder; left: number }[] = [];

  add(order: FaultOrder): void {
    this.#orders.push({ order, left: order.times ?? 1 });
  }

  clear(): void {
    this.#orders = [];
  }

  /** The fault this call must suffer, if any. Each use counts. */
  take(bot: number, method: string): Fault | undefined {
    const found = this.#orders.find(({ order }) =>
      (order.bot ?? bot) === bot && (order.method ?? method).toLowerCase() === method.toLowerCase()
    );
    if (!found) return undefined;
    if (--found.left === 0) this.#orders.splice(this.#orders.indexOf(found), 1);
    return found.order.fault;
  }
}
