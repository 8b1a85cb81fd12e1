/**
 * Chat completions from an OpenAI-compatible endpoint, each call told to the step that it runs in.
 *
 * @module
 */
import type { LlmRecorder } from "../../tracer/llm.ts";

export interface LlmOptions {
  /** Such as `https://openrouter.ai/api/v1`. */
  baseUrl: string;
  key: string;
  model: string;
  /** Whole call, in milliseconds. @default 3000 */
  timeoutMs?: number;
  /** @default the global one */
  fetch?: typeof fetch;
}

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

export type Llm = (call: LlmRecorder, messages: ChatMessage[]) => Promise<string>;

interface Completion {
  model: string;
  choices: { message: { content: string } }[];
  usage?: unknown;
}

const MAX_ANSWER_TOKENS = 300;
const MAX_RETRY_WAIT_MS = 2000;

/** A failed call: the provider's own words. */
class LlmError extends Error {
  override readonly name = "LlmError";
}

export function createLlm({ baseUrl, key, model, timeoutMs = 3000, fetch = globalThis.fetch }: LlmOptions): Llm {
  return async (call, messages) => {
    call.record({ model, request: messages });
    const signal = AbortSignal.timeout(timeoutMs);
    const ask = () =>
      fetch(`${baseUrl}/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ model, messages, max_tokens: MAX_ANSWER_TOKENS, usage: { include: true } }),
        signal,
      });
    let response = await ask();
    if (response.status === 429 || response.status >= 500) {
      const seconds = Number(response.headers.get("retry-after") ?? 1);
      await new Promise((resolve) => setTimeout(resolve, Math.min(seconds * 1000, MAX_RETRY_WAIT_MS)));
      response = await ask();
    }
    if (!response.ok) throw new LlmError(`${response.status} ${await reason(response)}`);

    const completion = await response.json() as Completion;
    const answer = completion.choices[0]?.message.content ?? "";
    call.record({ model: completion.model, usage: completion.usage, response: answer });
    return answer;
  };
}

async function reason(response: Response): Promise<string> {
  const text = await response.text();
  try {
    return (JSON.parse(text) as { error: { message: string } }).error.message;
  } catch {
    return text.slice(0, 200);
  }
}
