/**
 * Waiting for what a bot does.
 *
 * @module
 */
import { ClientError } from "./acts.ts";
import type { CallbackAnswer } from "./events.ts";
import type { ChatView } from "./views.ts";
import type { World } from "./world.ts";

const SETTLED_POLL_MS = 5;

export async function settled(world: World, ms: number, signal?: AbortSignal): Promise<boolean> {
  const end = Date.now() + ms;
  while ([...world.bots.values()].some(({ updates }) => updates.pending.length > 0)) {
    if (Date.now() >= end || signal?.aborted) return false;
    await new Promise((resolve) => setTimeout(resolve, SETTLED_POLL_MS));
  }
  return true;
}

export async function until(
  world: World,
  look: () => ChatView,
  wanted: (view: ChatView) => boolean,
  ms: number,
): Promise<ChatView> {
  const end = Date.now() + ms;
  for (;;) {
    const view = look();
    if (wanted(view)) return view;
    if (!await world.events.newerThan(view.key, view.version, end - Date.now())) {
      const shown = view.messages.map((m) => m.text ?? m.caption ?? m.document?.file_name);
      throw new ClientError(`the chat did not become as wanted within ${ms} ms; it shows ${JSON.stringify(shown)}`);
    }
  }
}

export async function answer(
  world: World,
  queryId: string,
  ms: number,
  signal?: AbortSignal,
): Promise<CallbackAnswer> {
  const end = Date.now() + ms;
  for (;;) {
    const query = world.queries.find(queryId);
    if (!query) throw new ClientError(`no button press has the query id ${queryId}`);
    if (query.answer) return query.answer;
    const version = world.events.version(query.chat);
    if (!await world.events.newerThan(query.chat, version, end - Date.now(), signal)) {
      throw new ClientError(`the button press was not answered within ${ms} ms`);
    }
  }
}
