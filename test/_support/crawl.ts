/** A person who presses every button there is, over the users' side of the local Telegram. */
import type { CallRecord } from "../../functions/synthetic/telegram/bot_api.ts";
import type { CallbackAnswer } from "../../functions/synthetic/telegram/events.ts";
import type { ChatView } from "../../functions/synthetic/telegram/views.ts";

export type ShownMessage = ChatView["messages"][number];

export interface CrawlOptions {
  telegramUrl: string;
  /** Key of the chat. */
  chat: string;
  /** Written first, one after the other; the buttons of what comes are the first to be pressed. */
  says: readonly string[];
  /** Most presses. */
  max: number;
  /** Which screen a button opens, of its data. The kinds that were pressed least are next, so that none is crowded out. */
  kindOf(data: string): string;
  /** Waits until the bot has ended what it goes on with after it has accepted a press. */
  idle(): Promise<void>;
  /** Called after each press. */
  onVisit?(visit: Visit): Promise<void> | void;
}

export interface Visit {
  /** Labels from the first screen on. */
  path: string[];
  data: string;
  kind: string;
  /** Messages of the bot that are new or other than before. */
  shown: ShownMessage[];
  answer: CallbackAnswer;
}

export interface Crawl {
  visits: Visit[];
  /** Buttons that were seen, and for which there was no press left. */
  left: number;
  /** Calls that Telegram did not take: what it would not show, and what came too often. */
  refusals: CallRecord[];
}

interface Known {
  path: string[];
  data: string;
}

/** What a failure screen begins with, whatever failed. */
const FAILURE = /^(This screen could not be shown|The database (did not answer|lacks|refused|reported))/;

export const isFailure = ({ text = "" }: ShownMessage): boolean => FAILURE.test(text);

/** In one chat, one press after the other, each once. @throws when a press is not answered, or the bot does not end. */
export async function crawl(options: CrawlOptions): Promise<Crawl> {
  const { chat, says, max, kindOf } = options;
  const waiting: Known[] = [];
  const seen = new Set<string>();
  const pressed = new Map<string, number>();
  const visits: Visit[] = [];
  const call = caller(options.telegramUrl);

  for (const text of says) {
    await call("POST", `chats/${chat}/messages`, { text });
    await settle();
  }
  let view = await call<ChatView>("GET", `chats/${chat}`);
  note(view.messages, []);

  while (visits.length < max) {
    const next = takeRarest();
    if (!next) break;
    const before = new Map(view.messages.map((message) => [message.message_id, JSON.stringify(message)]));
    // Its screen may be gone from the message: as a press that was on its way does, it comes all the same.
    const message_id = view.messages.findLast((message) => message.from.is_bot && message.reply_markup)!.message_id;
    const press = { message_id, data: next.data, forged: true };
    const { query_id } = await call<{ query_id: string }>("POST", `chats/${chat}/presses`, press);
    const answer = await call<CallbackAnswer>("GET", `answers/${query_id}?timeout=30`);
    await settle();
    view = await call<ChatView>("GET", `chats/${chat}`);
    const shown = view.messages.filter((message) =>
      message.from.is_bot && before.get(message.message_id) !== JSON.stringify(message)
    );
    const visit = { ...next, kind: kindOf(next.data), shown, answer };
    visits.push(visit);
    await options.onVisit?.(visit);
    note(shown, next.path);
  }
  const { calls } = await call<{ calls: CallRecord[] }>("GET", "records");
  return { visits, left: waiting.length, refusals: calls.filter(isRefusal) };

  function note(messages: ShownMessage[], path: string[]): void {
    for (const { text: label, callback_data: data } of messages.flatMap(buttonsOf)) {
      if (data === undefined || seen.has(data)) continue;
      seen.add(data);
      waiting.push({ path: [...path, label], data });
    }
  }

  function takeRarest(): Known | undefined {
    const times = ({ data }: Known) => pressed.get(kindOf(data)) ?? 0;
    const rarest = waiting.reduce<Known | undefined>((a, b) => a && times(a) <= times(b) ? a : b, undefined);
    if (!rarest) return undefined;
    waiting.splice(waiting.indexOf(rarest), 1);
    pressed.set(kindOf(rarest.data), times(rarest) + 1);
    return rarest;
  }

  async function settle(): Promise<void> {
    const { settled } = await call<{ settled: boolean }>("GET", "settled?timeout=60");
    if (!settled) throw new Error("the bot does not take its updates");
    await options.idle();
  }
}

const buttonsOf = ({ from, reply_markup }: ShownMessage) =>
  from.is_bot ? reply_markup?.inline_keyboard.flat() ?? [] : [];

/** That nothing would change is what Telegram says to who presses twice, and no mistake. */
function isRefusal({ status, body }: CallRecord): boolean {
  return status >= 400 && !(body as { description: string }).description.includes("message is not modified");
}

function caller(telegramUrl: string) {
  return async function call<T = unknown>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${telegramUrl}/client/${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return await response.json() as T;
  };
}
