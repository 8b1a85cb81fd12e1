/**
 * What the calls of a scenario come to.
 *
 * @module
 */
import type { LlmTotals, SeenCall } from "./client.ts";

export class Tally {
  readonly calls: SeenCall[] = [];
  #unanswered = 0;
  #input = 0;
  #output = 0;
  #saved = 0;
  #cost: number | null = 0;

  /** An attempt that was not answered. One that is free is not counted. */
  add(cost: number | null, input: number | null, output: number | null): void {
    if (cost !== 0) this.#unanswered++;
    this.#sum(cost, input, output);
  }

  #sum(cost: number | null, input: number | null, output: number | null): void {
    this.#cost = this.#cost === null || cost === null ? null : this.#cost + cost;
    this.#input += input ?? 0;
    this.#output += output ?? 0;
  }

  /** One that was answered. */
  answered(call: SeenCall): void {
    this.calls.push(call);
    this.#sum(call.cost_microusd, call.input_tokens, call.output_tokens);
  }

  save(microusd: number | null): void {
    this.#saved += microusd ?? 0;
  }

  totals(): LlmTotals {
    return {
      calls: this.calls.length + this.#unanswered,
      input_tokens: this.#input,
      output_tokens: this.#output,
      cost_microusd: this.#cost,
      saved_microusd: this.#saved,
    };
  }
}
