/**
 * `/bot<token>/<method>` and `/file/bot<token>/<path>`: the bots' side. Finds the bot and the method, suffers the faults ordered for the call, and
 * keeps a record of it.
 *
 * @module
 */
import type { BotState } from "./bots.ts";
import { ApiError } from "./errors.ts";
import type { Faults } from "./faults.ts";
import { findMethod } from "./methods/methods.ts";
import { type Params, readParams } from "./params.ts";
import type { World } from "./world.ts";

/** One call of the Bot API. */
export interface CallRecord {
  /** Epoch milliseconds of its arrival. */
  at: number;
  /** Id of the bot. */
  bot: number;
  method: string;
  /** As Telegram reads them: every value a string, and objects as JSON text. A file is its name. */
  params: Record<string, string>;
  /** HTTP status of the answer; 0 when the connection was dropped. */
  status: number;
  /** What the answer said; undefined when the connection was dropped. */
  body: unknown;
}

interface Answer {
  status: number;
  body: unknown;
}

export class BotApi {
  readonly #world: World;
  readonly #faults: Faults;
  readonly #onCall: (record: CallRecord) => void;

  constructor(world: World, faults: Faults, onCall: (record: CallRecord) => void) {
    this.#world = world;
    this.#faults = faults;
    this.#onCall = onCall;
  }

  /** `path` is the part after `/bot`: `<token>/<method>`. */
  async handle(request: Request, path: string): Promise<Response> {
    const [token = "", name = ""] = path.split("/");
    if (name === "" || path.split("/").length !== 2) return respond(refusal(new ApiError(404, "Not Found")));
    const bot = this.#world.bots.get(token.replace(/%3a/i, ":"));
    if (!bot) return respond(refusal(new ApiError(401, "Unauthorized")));
    try {
      const params = await readParams(request, new URL(request.url).searchParams);
      return await this.call(bot, name, params, request.signal);
    } catch (error) {
      return respond(refusal(error));
    }
  }

  /** `path` is the part after `/file/bot`: `<token>/<file_path>`, as `getFile` tells it. */
  download(path: string): Response {
    const [token = "", ...rest] = path.split("/");
    if (!this.#world.bots.has(token.replace(/%3a/i, ":"))) return respond(refusal(new ApiError(401, "Unauthorized")));
    const file = this.#world.files.content(rest.at(-1)!);
    if (!file || !["documents", "photos"].includes(rest[0]!)) return respond(refusal(new ApiError(404, "Not Found")));
    return new Response(file.content, { headers: { "content-type": "application/octet-stream" } });
  }

  /** Also for calls that come in the answer of a webhook. */
  async call(bot: BotState, name: string, params: Params, signal: AbortSignal): Promise<Response> {
    const record: CallRecord = {
      at: this.#world.now(),
      bot: bot.user.id,
      method: findMethod(name)?.name ?? name,
      params: { ...Object.fromEntries(params.values), ...fileNames(params) },
      status: 0,
      body: undefined,
    };
    const answer = await this.#answer(bot, name, params, signal);
    if (answer) Object.assign(record, answer);
    this.#onCall(record);
    return answer ? respond(answer) : Response.error();
  }

  /** Undefined when the connection is dropped. */
  async #answer(bot: BotState, name: string, params: Params, signal: AbortSignal): Promise<Answer | undefined> {
    const fault = this.#faults.take(bot.user.id, name);
    if (fault?.kind === "respond") return { status: fault.status, body: fault.body };
    if (fault?.kind === "drop" && !fault.applied) return undefined;
    if (fault?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, fault.ms));
    const answer = await this.#apply(bot, name, params, signal);
    return fault?.kind === "drop" ? undefined : answer;
  }

  async #apply(bot: BotState, name: string, params: Params, signal: AbortSignal): Promise<Answer> {
    try {
      const found = findMethod(name);
      if (!found) throw new ApiError(404, "Not Found: method not found");
      const result = await found.method({ world: this.#world, bot, params, signal });
      return { status: 200, body: { ok: true, result } };
    } catch (error) {
      return refusal(error);
    }
  }
}

function refusal(error: unknown): Answer {
  if (!(error instanceof ApiError)) throw error;
  const { status, message, parameters } = error;
  return { status, body: { ok: false, error_code: status, description: message, ...(parameters && { parameters }) } };
}

function fileNames({ files }: Params): Record<string, string> {
  return Object.fromEntries([...files].map(([field, file]) => [field, file.name]));
}

const respond = ({ status, body }: Answer): Response => Response.json(body, { status });
