/**
 * An LLM client that answers what a test says: for tests of the runner, to which it is given in place of `openLlm`.
 *
 * Each call costs 100 micro-dollars, 10 tokens in and 5 out; where time is virtual, it takes 250 ms.
 *
 * @module
 */
import type { LlmClient, LlmOptions, SeenCall } from "../../functions/synthetic/llm/client.ts";

export interface AskedOf {
  model: string;
  messages: { role: string; content: string }[];
}

/** Returns the answer's text, or never resolves; throws what the call fails with. */
export type Answer = (asked: AskedOf, options: LlmOptions) => string | Promise<string>;

export function llmDouble(answer: Answer, over: Partial<LlmClient> = {}): (options: LlmOptions) => LlmClient {
  return (options) => {
    const calls: SeenCall[] = [];
    let inFlight = 0;
    const client: LlmClient = {
      baseUrl: "https://llm.test/v1",
      apiKey: "key",
      async fetch(_url, init) {
        const asked = JSON.parse(String(init?.body)) as AskedOf;
        inFlight += 1;
        try {
          const aborted = new Promise<never>((_, reject) =>
            options.signal.addEventListener("abort", () => reject(new Error("aborted")))
          );
          const response = await Promise.race([answer(asked, options), aborted]);
          options.advance?.(250);
          calls.push({
            model: asked.model,
            input_tokens: 10,
            output_tokens: 5,
            cost_microusd: 100,
            response,
            whole: true,
          });
          return Response.json({
            model: asked.model,
            choices: [{ message: { content: response } }],
            usage: { prompt_tokens: 10, completion_tokens: 5, cost: 0.0001 },
          });
        } finally {
          inFlight -= 1;
        }
      },
      judgeFetch: (...args) => client.fetch(...args),
      calls,
      totals: () => ({
        calls: calls.length,
        input_tokens: 10 * calls.length,
        output_tokens: 5 * calls.length,
        cost_microusd: 100 * calls.length,
        saved_microusd: 0,
      }),
      failures: [],
      refused: undefined,
      drift: [],
      get inFlight() {
        return inFlight;
      },
      async settled() {
        while (inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 1));
      },
    };
    return Object.defineProperties(client, Object.getOwnPropertyDescriptors(over));
  };
}
