/**
 * The ledger as one scenario's calls use it: waits while others have reserved what is left, settles until it is booked.
 *
 * @module
 */
import type { Begun, CallEnd, CallStart, Ledger } from "./ports.ts";
import { sleep } from "../sleep.ts";

const ASK_AGAIN_MS = 200;
/** Before each further try to settle, about ten seconds in all. */
const SETTLE_PAUSES_MS = [100, 200, 400, 800, 1500, 2500, 4500];

export type Refusal = Extract<Begun, { kind: "refused" }>["why"];
/** `lost`: the ledger did not answer. */
export type BookAnswer = Exclude<Begun, { kind: "wait" }> | { kind: "lost"; error: unknown };

export class Books {
  refused: Refusal | undefined;
  inFlight = 0;
  readonly #ledger: Ledger;
  readonly #onLost: (error: unknown) => void;
  /** What a call has cost could not be booked: the next one might cross a cap that nobody knows of. */
  #lost: { error: unknown } | undefined;
  #waiting: (() => void)[] = [];

  /** @param onLost What could not be settled. */
  constructor(ledger: Ledger, onLost: (error: unknown) => void) {
    this.#ledger = ledger;
    this.#onLost = onLost;
  }

  /** One more is in flight, until what this returns is called. */
  open(): () => void {
    this.inFlight++;
    return () => {
      this.inFlight--;
      if (this.inFlight === 0) { for (const resolve of this.#waiting.splice(0)) resolve(); }
    };
  }

  settled(): Promise<void> {
    return this.inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Undefined: aborted before an answer came. What it may bring then is settled as not made. */
  async begin(call: CallStart, signal: AbortSignal): Promise<BookAnswer | undefined> {
    while (!signal.aborted) {
      if (this.refused !== undefined) return { kind: "refused", why: this.refused };
      if (this.#lost) return { kind: "lost", ...this.#lost };
      const begun = await this.#beginOnce(call, signal).catch((error: unknown) => ({ kind: "lost" as const, error }));
      if (begun?.kind === "refused") this.refused ??= begun.why;
      if (begun?.kind !== "wait") return begun;
      await sleep(ASK_AGAIN_MS, signal);
    }
    return undefined;
  }

  async #beginOnce(call: CallStart, signal: AbortSignal): Promise<Begun | undefined> {
    const asked = this.#ledger.begin(call);
    let leave = () => {};
    const left = new Promise<undefined>((resolve) => {
      leave = () => resolve(undefined);
      signal.addEventListener("abort", leave);
    });
    const begun = await Promise.race([asked, left]).finally(() => signal.removeEventListener("abort", leave));
    if (!signal.aborted) return begun;
    void this.#undo(asked, this.open());
    return undefined;
  }

  async #undo(asked: Promise<Begun>, close: () => void): Promise<void> {
    const late = await asked.catch(() => undefined);
    if (late?.kind === "go") await this.settle(late.call_id, NOT_MADE);
    close();
  }

  async settle(callId: number, end: CallEnd): Promise<void> {
    for (const pause of [...SETTLE_PAUSES_MS, undefined]) {
      try {
        return await this.#ledger.settle(callId, end);
      } catch (error) {
        if (pause === undefined) {
          this.#lost = { error };
          return this.#onLost(error);
        }
        await sleep(pause);
      }
    }
  }
}

const NOT_MADE: CallEnd = {
  cost_microusd: 0,
  input_tokens: null,
  output_tokens: null,
  status: 0,
  duration_ms: 0,
  recorded: null,
};
