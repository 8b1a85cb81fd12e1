// An LLM provider that bills: OpenRouter's API as a `Request → Response` handler, in memory or behind `serve`.
//
// Strict as the real ones. It bills whole micro-dollars for each generation, also for one whose client has left, and tells them
// afterwards by `GET /generation?id=`. What goes wrong is ordered call by call.
import { complete } from "../../scripts/demo/stand_in_llm.ts";
import { OPENAI_PRICES } from "../../tracer/openai_prices.ts";
import type { Price, PriceTable } from "../../tracer/prices.ts";
import {
  chatChunks,
  chatCompletion,
  chatUsage,
  responseBody,
  responseEvents,
  type Said,
} from "../tracer/_support/openai_bodies.ts";
import { type Body, refusal } from "../tracer/_support/openai_rules.ts";
import { Account } from "./provider_account.ts";
import { type Fault, isMidway } from "./provider_faults.ts";
import { fetchOf } from "./provider_fetch.ts";

export type { Fault };

export interface ProviderOptions {
  /** @default OpenAI's */
  prices?: PriceTable;
  /** What the model says. @default as the demo's, by topic */
  answer?: (body: Body) => Said;
  /** What becomes of the next call. @default the next of `provider.faults` */
  fault?: () => Fault | undefined;
  /** @default three characters are a token */
  tokensOf?: (text: string) => number;
  /** The only key that is taken. @default any */
  apiKey?: string;
  /** Milliseconds between events of a stream. @default 0 */
  paceMs?: number;
}

export interface Provider {
  handle(request: Request): Promise<Response>;
  /** As the global one, without a socket. */
  fetch: typeof fetch;
  /** For the calls to come, in their order; undefined: nothing goes wrong. */
  faults: (Fault | undefined)[];
  account: Account;
}

/** One message of `n` costs this many tokens more than its text. */
const AROUND_MESSAGE = 4;

export function createProvider(options: ProviderOptions = {}): Provider {
  const { prices = OPENAI_PRICES, tokensOf = countPieces, apiKey, paceMs = 0 } = options;
  const answer = options.answer ?? ((body) => ({ text: complete(messagesOf(body)) }));
  const account = new Account();
  const faults: (Fault | undefined)[] = [];
  const nextFault = options.fault ?? (() => faults.shift());

  async function handle(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const path = pathname.replace(/^(\/api)?\/v1/, "");
    const bearer = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
    if (bearer === undefined || (apiKey ?? bearer) !== bearer) return refuse(401, "Incorrect API key provided.");
    if (request.method === "GET" && path === "/generation") return account.tell(searchParams.get("id") ?? "");
    if (request.method === "GET" && path === "/models") {
      return Response.json({ data: Object.keys(prices.models).map((id) => ({ id })) });
    }
    if (!["/chat/completions", "/responses", "/embeddings"].includes(path)) return refuse(404, `Unknown URL: ${path}`);
    if (request.method !== "POST") return refuse(405, `Not allowed to ${request.method}.`);
    if (!request.headers.get("content-type")?.startsWith("application/json")) return refuse(400, "Not JSON.");
    const body = await request.json().catch(() => undefined) as Body | undefined;
    if (body === undefined) return refuse(400, "We could not parse the JSON body of your request.");
    const why = refusal(path, body, true) ?? limitRefusal(body);
    if (why !== undefined) return refuse(400, why);
    const price = prices.models[String(body.model).replace(/^openai\//, "")];
    if (price === undefined) return refuse(404, `The model '${body.model}' does not exist.`);
    return await generate(path, body, price, request);
  }

  async function generate(path: string, body: Body, price: Price, request: Request): Promise<Response> {
    const generation = account.open(price, inputTokens(path, body, tokensOf));
    const fault = nextFault();
    if (fault?.kind === "status") {
      generation.close();
      const { status, message = `told to answer ${status}`, retryAfterMs } = fault;
      const headers = retryAfterMs === undefined ? {} : {
        "retry-after": String(Math.ceil(retryAfterMs / 1000)),
        "retry-after-ms": String(retryAfterMs),
      };
      return refuse(status, message, headers);
    }
    if (fault?.kind === "stall" && await sleep(fault.ms ?? 60_000, request)) {
      // It has left before anything was written.
      generation.close();
      return Response.error();
    }
    if (fault?.kind === "drop") {
      generation.close();
      return Response.error();
    }
    const said = path === "/embeddings" ? {} : answer(body);
    const limit = body.max_tokens ?? body.max_completion_tokens ?? body.max_output_tokens ?? Infinity;
    const whole = cutTo(said, limit);
    const output = path === "/embeddings" ? 0 : tokensSaid(whole, tokensOf) * (body.n ?? 1);
    const headers = { "x-generation-id": generation.id, "x-request-id": `req_${generation.id}` };
    if (body.stream) {
      return stream(path, body, whole, output, { generation, fault, headers, request });
    }
    const micro = generation.bill(output);
    generation.close();
    if (fault?.kind === "lost") return Response.error();
    const usage = { input: generation.input, cached: 0, output, reasoning: 0 };
    const cost = body.usage?.include === true ? { cost: micro / 1e6 } : {};
    const answered = path === "/embeddings"
      ? embeddings(body, generation.input, cost)
      : path === "/responses"
      ? responseBody(body.model, whole, usage)
      : chatCompletion(body.model, whole, chatUsage(usage, cost), body.n);
    const text = JSON.stringify({ ...answered, ...(path !== "/embeddings" && { id: generation.id }) });
    if (fault?.kind === "malformed") return new Response(text.slice(0, -9), { headers: json(headers) });
    if (!isMidway(fault)) return new Response(text, { headers: json(headers) });
    return new Response(halfOf(text, fault.kind === "stall_mid" ? request : undefined), { headers: json(headers) });
  }

  interface Streaming {
    generation: ReturnType<Account["open"]>;
    fault: Fault | undefined;
    headers: Record<string, string>;
    request: Request;
  }

  function stream(path: string, body: Body, said: Said, output: number, streaming: Streaming): Response {
    const { generation, fault, headers, request } = streaming;
    const { id, input } = generation;
    const micro = generation.billOf(output);
    const asks = body.stream_options?.include_usage === true || body.usage?.include === true;
    const told = { input, cached: 0, output, reasoning: 0 };
    const cost = body.usage?.include === true ? { cost: micro / 1e6 } : {};
    const events = path === "/responses"
      ? responseEvents(body.model, said, told)
      : chatChunks(body.model, said, asks ? chatUsage(told, cost) : undefined);
    const encoder = new TextEncoder();
    const pace = fault?.kind === "slow" ? fault.ms : paceMs;
    let next = 0;
    const written = () => Math.min(output, Math.round(output * next / events.length));
    const leave = () => {
      // What is under way is written to its end.
      if (!generation.closed) generation.bill(Math.min(output, written() + 1));
      generation.close();
    };
    request.signal.addEventListener("abort", leave);
    const parts = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (pace > 0) await sleep(pace, request);
        if (generation.closed) return;
        if (isMidway(fault) && next === Math.min(fault.at ?? 3, events.length - 1)) {
          if (fault.kind === "stall_mid") return void await sleep(fault.ms ?? 60_000, request);
          leave();
          return controller.error(new Error("died"));
        }
        const event = events[next++];
        if (event === undefined) {
          generation.bill(output);
          generation.close();
          if (path !== "/responses") controller.enqueue(encoder.encode("data: [DONE]\n\n"));
          return controller.close();
        }
        const data = JSON.stringify(withId(event, id));
        const name = path === "/responses" ? `event: ${event.type}\n` : "";
        const broken = fault?.kind === "malformed" && next === 3;
        const alive = next === 1 ? ": PROCESSING\n\n" : "";
        controller.enqueue(encoder.encode(`${alive}${name}data: ${broken ? data.slice(0, -7) : data}\n\n`));
      },
      cancel: leave,
    }, { highWaterMark: 0 });
    return new Response(parts, { headers: { ...headers, "content-type": "text/event-stream; charset=utf-8" } });
  }

  return { handle, fetch: fetchOf(handle), faults, account };
}

const json = (headers: Record<string, string>) => ({ ...headers, "content-type": "application/json" });
const pieces = (text = "") => text.match(/.{1,3}/gsu) ?? [];
const countPieces = (text: string) => pieces(text).length;

const refuse = (status: number, message: string, headers: Record<string, string> = {}) =>
  Response.json({ error: { message, type: "invalid_request_error", param: null, code: null } }, { status, headers });

function limitRefusal(body: Body): string | undefined {
  for (const name of ["max_tokens", "max_completion_tokens", "max_output_tokens"]) {
    const limit = body[name];
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) return `Invalid value for '${name}'.`;
  }
  const wantsJson = body.response_format?.type === "json_object";
  return wantsJson && !/json/i.test(JSON.stringify(body.messages))
    ? "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
    : undefined;
}

const messagesOf = ({ messages, input }: Body) => {
  const list = [messages ?? input].flat().map((one) => typeof one === "string" ? { role: "user", content: one } : one);
  return list.map(({ role, content }) => ({ role, content: textOf(content) }));
};

const textOf = (content: unknown): string =>
  Array.isArray(content) ? content.map((part) => part.text ?? "").join("") : String(content ?? "");

function inputTokens(path: string, body: Body, tokensOf: (text: string) => number): number {
  if (path === "/embeddings") return tokensOf([body.input].flat().join(""));
  const said = messagesOf(body).reduce((sum, { role, content }) => sum + AROUND_MESSAGE + tokensOf(role + content), 3);
  const rest = [
    body.tools,
    body.response_format,
    ...(body.messages ?? []).map((one: Body) => one.tool_calls),
    body.instructions,
  ];
  return rest.filter(Boolean).reduce((sum, part) => sum + tokensOf(JSON.stringify(part)), said);
}

const tokensSaid = ({ text = "", tool_calls = [] }: Said, tokensOf: (text: string) => number): number =>
  tokensOf(text) + tool_calls.reduce((sum, { name, arguments: args }) => sum + tokensOf(name) + tokensOf(args), 0);

function cutTo(said: Said, limit: number): Said {
  const all = pieces(said.text);
  if (all.length <= limit) return said;
  return { ...said, text: all.slice(0, limit).join(""), finish_reason: "length" };
}

const withId = (event: Body, id: string): Body =>
  event.response ? { ...event, response: { ...event.response, id } } : event.choices ? { ...event, id } : event;

function embeddings(body: Body, input: number, cost: Body): Body {
  const vector = new Float32Array([0.25, -0.5]);
  const embedding = body.encoding_format === "base64" ? Buffer.from(vector.buffer).toString("base64") : [...vector];
  const data = [body.input].flat().map((_, index) => ({ object: "embedding", index, embedding }));
  return { object: "list", data, model: body.model, usage: { prompt_tokens: input, total_tokens: input, ...cost } };
}

/** Of a body that dies, or that never ends until who has made the `request` is gone. */
function halfOf(text: string, request: Request | undefined): ReadableStream<Uint8Array> {
  const half = new TextEncoder().encode(text.slice(0, text.length / 2));
  let sent = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!sent) controller.enqueue(half);
      else if (request === undefined) controller.error(new Error("died"));
      else await sleep(60_000, request);
      sent = true;
    },
  }, { highWaterMark: 0 });
}

/** Resolves to whether the client has gone. Holds the request, without which its signal would not be told. */
function sleep(ms: number, request: Request): Promise<boolean> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      request.signal.removeEventListener("abort", end);
      resolve(request.signal.aborted);
    };
    const timer = setTimeout(end, request.signal.aborted ? 0 : ms);
    request.signal.addEventListener("abort", end);
  });
}
