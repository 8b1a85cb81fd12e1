/**
 * The users' side over HTTP, for the page, the demo script and tests in other processes. `<chat>` is the key of a chat;
 * shapes are those of
 * `client.ts` and `views.ts`.
 *
 *     GET    /client/chats                       ChatSummary[]
 *     POST   /client/chats                       { user, bot } | { title, members, bots, type? }       → ChatView
 *     GET    /client/chats/<chat>                ChatView; with ?after=<version>&timeout=<seconds> once it is newer
 *     POST   /client/chats/<chat>/messages       { text | photo | document | forward, user?, reply_to? } → Message
 *     POST   /client/chats/<chat>/presses        { message_id, label? | data?, user?, forged? }        → { query_id }
 *     POST   /client/chats/<chat>/block          { blocked }                                           → ChatView
 *     POST   /client/chats/<chat>/kick           { bot }                                               → ChatView
 *     GET    /client/chats/<chat>/menu           BotCommand[]; with ?user= and ?bot=
 *     GET    /client/settled                     { settled }: whether all updates were taken within ?timeout=<seconds>
 *     POST   /client/features                    { rich, chat? }                                       → {}
 *     POST   /client/users                       { id, first_name, last_name?, username?, … }          → User
 *     GET    /client/answers/<query_id>          CallbackAnswer, waiting up to ?timeout=<seconds>, default 5
 *     GET    /client/files/<file_id>             the file's content: a picture as such, all else as a download
 *     GET    /client/events                      server-sent events, each a ChatEvent as JSON
 *     GET    /client/records                     { calls, deliveries }
 *     POST   /client/faults                      FaultOrder                                            → {}
 *     DELETE /client/faults                      forgets the faults that are still to come             → {}
 *
 * A refusal is `{ error }` with 400, 404, 405, 413 or 415. A body must be JSON by its content type, which keeps pages
 * of other origins from posting here through a visitor's browser.
 *
 * @module
 */
import { type Client, ClientError } from "./client.ts";
import { download, eventStream } from "./client_streams.ts";
import type { FaultOrder } from "./faults.ts";

const MAX_BODY = 100_000;
const MAX_WAIT_S = 60;

/** A refusal with its HTTP status. */
class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function fail(status: number, message: string): never {
  throw new HttpError(status, message);
}

// deno-lint-ignore no-explicit-any -- what a body holds is checked where it is used, by `client.ts`
type Body = any;

export function createClientHttp(client: Client, closing: AbortSignal): (request: Request) => Promise<Response> {
  /** `[kind, id, part]` are the path after `/client/`. */
  async function route(request: Request, [kind = "", id = "", part = ""]: string[]): Promise<unknown> {
    const query = new URL(request.url).searchParams;
    switch (`${request.method} ${kind}${id && "/:id"}${part && `/${part}`}`) {
      case "GET chats":
        return client.chats();
      case "POST chats": {
        const body = await readBody(request);
        return body.user !== undefined ? client.openChat(body.user, body.bot) : client.createGroup(body);
      }
      case "GET chats/:id":
        return query.has("after")
          ? await client.changed(id, Number(query.get("after")), waitMs(query), request.signal)
          : client.chat(id);
      case "POST chats/:id/messages":
        return client.send({ ...await readBody(request), chat: id });
      case "POST chats/:id/presses":
        return { query_id: client.press({ ...await readBody(request), chat: id }) };
      case "POST chats/:id/block":
        client.block(id, (await readBody(request)).blocked === true);
        return client.chat(id);
      case "POST chats/:id/kick":
        client.kick(id, (await readBody(request)).bot);
        return client.chat(id);
      case "GET chats/:id/menu":
        return client.menu(id, numberIn(query, "user"), query.get("bot") ?? undefined);
      case "GET settled":
        return { settled: await client.settled(waitMs(query), request.signal) };
      case "POST features": {
        const { rich, chat } = await readBody(request);
        client.setRich(rich === true, chat);
        return {};
      }
      case "POST users":
        return client.addUser(await readBody(request));
      case "GET answers/:id":
        return await client.answer(id, waitMs(query), request.signal);
      case "GET files/:id":
        return download(client, id) ?? fail(404, `there is no file ${id}, or it was too long ago`);
      case "GET events":
        return eventStream(client, AbortSignal.any([closing, request.signal]));
      case "GET records":
        return client.records;
      case "POST faults":
        client.fault(await readBody(request) as FaultOrder);
        return {};
      case "DELETE faults":
        client.clearFaults();
        return {};
    }
    throw new HttpError(404, `there is no ${request.method} ${new URL(request.url).pathname}`);
  }

  return async function handle(request) {
    try {
      const path = new URL(request.url).pathname.split("/").slice(2).map(decodeURIComponent);
      const result = await route(request, path);
      return result instanceof Response ? result : Response.json(result);
    } catch (error) {
      if (error instanceof HttpError) return Response.json({ error: error.message }, { status: error.status });
      if (error instanceof ClientError || error instanceof URIError) {
        return Response.json({ error: error.message }, { status: 400 });
      }
      throw error;
    }
  };
}

async function readBody(request: Request): Promise<Body> {
  if (!request.headers.get("content-type")?.startsWith("application/json")) {
    throw new HttpError(415, "the body must be application/json");
  }
  const raw = await request.text();
  if (raw.length > MAX_BODY) throw new HttpError(413, `the body must not exceed ${MAX_BODY} characters`);
  try {
    const body: unknown = JSON.parse(raw);
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return body;
  } catch {
    // Falls through to the refusal.
  }
  throw new HttpError(400, "the body must be a JSON object");
}

function waitMs(query: URLSearchParams): number {
  const seconds = Number(query.get("timeout") ?? 5);
  return Math.min(MAX_WAIT_S, seconds > 0 ? seconds : 0) * 1000;
}

const numberIn = (query: URLSearchParams, name: string): number | undefined =>
  query.has(name) ? Number(query.get(name)) : undefined;
