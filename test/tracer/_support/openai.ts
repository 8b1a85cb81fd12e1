// OpenAI's and OpenRouter's servers, as strict as they are, which say and fail as they are told.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI, { type ClientOptions } from "openai";
import { onTestFinished } from "vitest";
import type { LlmCall, Step, Tracer } from "../../../tracer/index.ts";
import { traceOpenAI } from "../../../tracer/openai.ts";
import { memoryTracer } from "./memory.ts";
import {
  chatChunks,
  chatCompletion,
  chatUsage,
  responseBody,
  responseEvents,
  type Said,
  type Usage,
} from "./openai_bodies.ts";
import { type Body, refusal } from "./openai_rules.ts";

export interface ProviderRequest {
  /** Such as `/chat/completions`. */
  path: string;
  body: Body;
  headers: IncomingHttpHeaders;
  /** Counted from 0, as the client counts. */
  attempt: number;
  /** Resolves when the client has gone before it had the whole answer. */
  gone: Promise<void>;
}

/** What happens to a request. */
export type Reply =
  | Said & {
    /** Milliseconds before each event, or before the whole answer. */
    pauseMs?: number;
    /** Instead of event number `at`: the connection dies, nothing more comes, or the provider sends an error. */
    at?: number;
    then?: "die" | "stall" | "error";
    /** Waits before event number `at`. */
    until?: Promise<unknown>;
    contentType?: string;
  }
  /** `stalls`: the end of the body never comes. */
  | { status: number; message?: string; body?: string; headers?: Record<string, string>; stalls?: boolean }
  | "reset"
  | "stall";

export interface Provider {
  /** OpenAI's base URL, and OpenRouter's. */
  url: string;
  routerUrl: string;
  /** Set it to tell what becomes of requests. */
  reply: (request: ProviderRequest) => Reply;
  requests: ProviderRequest[];
  /** Whole micro-dollars for all answers that were given to their end. */
  billed: number;
  close(): void;
}

/** gpt-4o-mini's, in thousandths of a micro-dollar a token. */
const PRICE = { input: 150, cached: 75, output: 600 };

/** Whole micro-dollars. */
const billOf = ({ input, cached, output }: Usage) =>
  Math.round(((input - cached) * PRICE.input + cached * PRICE.cached + output * PRICE.output) / 1000);

/** A provider that ends with the test, and clients for it. */
export async function setup(options: ClientOptions = {}) {
  const provider = await startProvider();
  onTestFinished(() => provider.close());
  const memory = memoryTracer({ capture: { rate: 1 } });
  const plain = (more: ClientOptions = {}) =>
    new OpenAI({ apiKey: "sk-test", baseURL: provider.url, ...options, ...more });
  return { provider, ...memory, plain, client: traceOpenAI(plain(), memory.tracer) };
}

/** What is told to the steps that start from now on, in order; also what does not reach the wire. */
export function listen(tracer: Tracer): LlmCall[] {
  const heard: LlmCall[] = [];
  const overhear = (started: Step) => {
    const llm = started.llm.bind(started);
    started.llm = (call) => {
      heard.push(call);
      llm(call);
    };
    return started;
  };
  const startStep = tracer.startStep.bind(tracer);
  const step = tracer.step.bind(tracer);
  tracer.startStep = (name) => overhear(startStep(name));
  tracer.step = (name: string, fn: (step: Step) => never) => step(name, (started) => fn(overhear(started)));
  return heard;
}

export async function startProvider(): Promise<Provider> {
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => text += chunk).on("end", () => {
      const { method, url = "", headers } = request;
      const router = url.startsWith("/api/v1/");
      const path = url.replace(/^(\/api)?\/v1/, "");
      const refuse = (status: number, message: string) => send(response, { status, message });
      if (!["/chat/completions", "/responses", "/embeddings"].includes(path)) return refuse(404, `Unknown URL: ${url}`);
      if (method !== "POST") return refuse(405, `Not allowed to ${method}.`);
      if (!/^Bearer sk-\S+$/.test(headers.authorization ?? "")) return refuse(401, "Incorrect API key provided.");
      if (!headers["content-type"]?.startsWith("application/json")) return refuse(400, "Unsupported content type.");
      let body: Body;
      try {
        body = JSON.parse(text);
      } catch {
        return refuse(400, "We could not parse the JSON body of your request.");
      }
      const why = refusal(path, body, router);
      if (why !== undefined) return refuse(400, why);
      const gone = new Promise<void>((resolve) => response.on("close", () => response.writableEnded || resolve()));
      const attempt = Number(headers["x-stainless-retry-count"]);
      const asked: ProviderRequest = { path, body, headers, attempt, gone };
      provider.requests.push(asked);
      void answer(provider, asked, router, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: Provider = {
    url: `${origin}/v1`,
    routerUrl: `${origin}/api/v1`,
    reply: () => ({ text: "Hello!" }),
    requests: [],
    billed: 0,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return provider;
}

async function answer(
  provider: Provider,
  asked: ProviderRequest,
  router: boolean,
  response: ServerResponse,
): Promise<void> {
  const reply = provider.reply(asked);
  if (reply === "stall") return;
  if (reply === "reset") return void response.destroy();
  if ("status" in reply) return send(response, reply);

  const { path, body } = asked;
  const usage = reply.usage ?? usageOf(body, reply);
  const model = reply.model ?? body.model;
  const bill = path === "/embeddings" ? 0 : billOf(usage);
  const charged = router && body.usage?.include === true
    ? { cost: bill / 1e6, is_byok: false, cost_details: { upstream_inference_cost: bill / 1e6 } }
    : {};
  const headers = { "x-request-id": "req_1", "openai-processing-ms": "12" };
  if (!body.stream) {
    if (reply.pauseMs) await sleep(reply.pauseMs);
    const whole = path === "/embeddings"
      ? embeddings(body, usage)
      : path === "/responses"
      ? responseBody(model, reply, usage)
      : chatCompletion(model, reply, chatUsage(usage, charged), body.n);
    response.writeHead(200, { ...headers, "content-type": reply.contentType ?? "application/json" });
    if (reply.then === "die") return void response.write(JSON.stringify(whole).slice(0, 40), () => response.destroy());
    response.end(JSON.stringify(whole));
    provider.billed += bill;
    return;
  }

  response.writeHead(200, { ...headers, "content-type": reply.contentType ?? "text/event-stream; charset=utf-8" });
  response.flushHeaders();
  const asks = body.stream_options?.include_usage === true || (router && body.usage?.include === true);
  const events = path === "/responses"
    ? responseEvents(model, reply, usage)
    : chatChunks(model, reply, asks ? chatUsage(usage, charged) : undefined);
  for (const [index, event] of events.entries()) {
    if (reply.pauseMs) await sleep(reply.pauseMs);
    if (index === reply.at) {
      await reply.until;
      if (reply.then === "stall") return;
      if (reply.then === "die") return void response.destroy();
      if (reply.then === "error") {
        response.end(`data: ${JSON.stringify({ error: { message: "The server had an error", code: 502 } })}\n\n`);
        return;
      }
    }
    if (response.destroyed) return;
    const name = path === "/responses" ? `event: ${event.type}\n` : "";
    response.write(`${name}data: ${JSON.stringify(event)}\n\n`);
  }
  response.end(path === "/responses" ? "" : "data: [DONE]\n\n");
  provider.billed += bill;
}

type Refusal = Extract<Reply, { status: number }>;

function send(response: ServerResponse, refusal: Refusal): void {
  const { status, message = `told to answer ${status}`, body, headers, stalls } = refusal;
  const error = { error: { message, type: "invalid_request_error", param: null, code: null } };
  response.writeHead(status, { "content-type": "application/json", "x-request-id": "req_1", ...headers });
  if (stalls) response.write("{");
  else response.end(body ?? JSON.stringify(error));
}

/** Four characters a token, as a rule of thumb. */
function usageOf(body: Body, { text = "", reasoning = "", tool_calls = [] }: Said): Usage {
  const tokens = (value: unknown) => Math.ceil((typeof value === "string" ? value : JSON.stringify(value)).length / 4);
  const thought = reasoning === "" ? 0 : tokens(reasoning);
  const output = tokens(text) + tool_calls.reduce((sum, call) => sum + tokens(call), 0) + thought + 1;
  return { input: tokens(body.messages ?? body.input), cached: 0, output, reasoning: thought };
}

function embeddings(body: Body, { input }: Usage): Body {
  const vector = new Float32Array([0.25, -0.5]);
  const base64 = Buffer.from(vector.buffer).toString("base64");
  const embedding = body.encoding_format === "base64" ? base64 : [...vector];
  const count = Array.isArray(body.input) ? body.input.length : 1;
  const data = Array.from({ length: count }, (_, index) => ({ object: "embedding", index, embedding }));
  return { object: "list", data, model: body.model, usage: { prompt_tokens: input, total_tokens: input } };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
