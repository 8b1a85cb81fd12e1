// The books of the LLM provider: a bill for each generation, in whole micro-dollars.
import type { Price } from "../../tracer/prices.ts";

interface Bill {
  microusd: number;
  input: number;
  output: number;
}

export class Account {
  /** All bills together. */
  total = 0;
  /** By generation; what was never begun to be written has none. */
  readonly bills = new Map<string, Bill>();
  /** Calls that were taken. */
  calls = 0;
  inFlight = 0;
  inFlightMax = 0;

  /** A call that was taken. */
  open(price: Price, input: number): Generation {
    this.calls++;
    this.inFlight++;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    return new Generation(this, `gen-${String(this.calls).padStart(5, "0")}`, price, input);
  }

  /** `GET /generation?id=`: only once it is over. */
  tell(id: string): Response {
    const bill = this.bills.get(id);
    if (bill === undefined) {
      return Response.json({ error: { message: "Generation not found", code: 404 } }, { status: 404 });
    }
    const { microusd, input, output } = bill;
    return Response.json({
      data: { id, total_cost: microusd / 1e6, native_tokens_prompt: input, native_tokens_completion: output },
    });
  }
}

class Generation {
  closed = false;
  readonly id: string;
  readonly input: number;
  readonly #account: Account;
  readonly #price: Price;

  constructor(account: Account, id: string, price: Price, input: number) {
    this.#account = account;
    this.id = id;
    this.#price = price;
    this.input = input;
  }

  /** Dollars for a million tokens are micro-dollars for one. In whole millionths of them, rounded once, half of one up. */
  billOf(output: number): number {
    const millionths = (price: number, tokens: number) => BigInt(Math.round(price * 1e6)) * BigInt(tokens);
    const sum = millionths(this.#price.input, this.input) + millionths(this.#price.output, output);
    return Number((sum + 500_000n) / 1_000_000n);
  }

  bill(output: number): number {
    const microusd = this.billOf(output);
    this.#account.bills.set(this.id, { microusd, input: this.input, output });
    this.#account.total += microusd;
    return microusd;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#account.inFlight--;
  }
}
