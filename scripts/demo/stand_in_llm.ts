/**
 * A provider that answers offline: OpenAI's chat completions, with the latencies, prices and failures of a real one.
 *
 * The same conversation gets the same answers and failures each time. It is strict about requests, as the real ones are.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { ChatMessage } from "../../examples/support-bot/llm.ts";
import { OPENAI_PRICES } from "../../tracer/openai_prices.ts";

/** Whoever has this key meets no trouble: synthetic tests are to pass. */
export const CALM_KEY = "calm";

/** Micro-dollars for a token, of a model that is not in the price table: what is told before a run is then what it costs. */
const PRICE = { input: 2.5, output: 10 };
const CONTEXT_TOKENS = 2000;

const TOPICS: [RegExp, string, string][] = [
  [
    /refund|money back|возврат|retour|استرداد/i,
    "refund",
    "I have started the refund. The money is back on your card in 3 to 5 days.",
  ],
  [
    /where|track|arrive|late|когда|أين|wann/i,
    "delivery",
    "Your parcel left our warehouse yesterday and arrives tomorrow before 18:00.",
  ],
  [
    /broken|defect|doesn't work|сломал|kaputt|💔/i,
    "defect",
    "I am sorry about that! I have sent you a free replacement, you can keep the broken one.",
  ],
  [/cancel|отмен/i, "cancel", "Your order is cancelled. Nothing was charged."],
  [/invoice|receipt|tax|счёт/i, "invoice", "I have sent the invoice to the e-mail address of your account."],
  [/hi|hello|thanks|спасибо|שלום|👋/i, "smalltalk", "Happy to help! Is there anything else?"],
];

/** `POST /v1/chat/completions`. */
export async function standInLlm(request: Request): Promise<Response> {
  if (new URL(request.url).pathname !== "/v1/chat/completions" || request.method !== "POST") {
    return refuse(404, "Unknown request URL.");
  }
  if (!/^Bearer \S+$/.test(request.headers.get("authorization") ?? "")) return refuse(401, "No API key was given.");
  const body = await request.json().catch(() => null) as { model?: string; messages?: ChatMessage[] } | null;
  const { model, messages } = body ?? {};
  if (typeof model !== "string") return refuse(400, "you must provide a model parameter");
  if (!Array.isArray(messages) || messages.length === 0 || !messages.every(isMessage)) {
    return refuse(400, "'messages' must be a non-empty array of { role, content }");
  }

  const text = JSON.stringify(messages);
  const luck = createHash("sha256").update(text).digest().readUInt16BE(0) / 65_536;
  const input = Math.ceil(text.length / 4);
  if (input > CONTEXT_TOKENS) {
    await sleep(80);
    return refuse(400, `This model's maximum context length is ${CONTEXT_TOKENS} tokens, your messages have ${input}.`);
  }
  const trouble = request.headers.get("authorization") === `Bearer ${CALM_KEY}` ? 1 : luck;
  if (trouble < 0.03) await sleep(60_000, request.signal);
  if (trouble < 0.06) return refuse(502, "The upstream provider returned an error.");
  if (trouble < 0.1 && !wasLimited.delete(text)) {
    wasLimited.add(text);
    return refuse(429, "Rate limit reached, try again in 1 s.", { "retry-after": "1" });
  }

  const price = OPENAI_PRICES.models[model.replace(/^openai\//, "")] ?? PRICE;
  const answer = complete(messages);
  const output = Math.ceil(answer.length / 4) + 1;
  // A while until the first token, then so many a second.
  await sleep(90 + luck * 220 + output * 14, request.signal);
  return Response.json({
    id: `chatcmpl-${createHash("sha256").update(text).digest("hex").slice(0, 12)}`,
    object: "chat.completion",
    model,
    choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: answer } }],
    usage: {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
      cost: (input * price.input + output * price.output) / 1e6,
    },
  });
}

/** Conversations that were told to wait once. */
const wasLimited = new Set<string>();

/** What it says to a conversation. */
export function complete(messages: ChatMessage[]): string {
  const task = messages[0]!.content;
  const question = messages.at(-1)!.content;
  const [, topic, answer] = TOPICS.find(([words]) => words.test(question)) ??
    [/$/, "other", "Let me pass this on to a colleague."];
  if (task.includes("one word")) return topic;
  if (task.includes('{"score"')) return '{"score": 0.9, "reason": "A stand-in is easily pleased."}';
  if (task.includes("Check")) return "ok";
  return answer;
}

const isMessage = (m: Partial<ChatMessage> | null) =>
  ["system", "user", "assistant"].includes(m?.role ?? "") && typeof m?.content === "string";

const refuse = (status: number, message: string, headers: Record<string, string> = {}) =>
  Response.json({ error: { message, type: "invalid_request_error" } }, { status, headers });

const sleep = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
