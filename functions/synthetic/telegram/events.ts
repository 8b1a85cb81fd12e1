/**
 * What happened in the chats, as it happens. Everything that changes what a user sees is one event with the next
 * version number, so that who waits for "something newer than version n" misses nothing between two looks.
 *
 * @module
 */

/** `answer`: a bot answered a pressed button. */
export interface ChatEvent {
  version: number;
  chat: string;
  kind: "message" | "edit" | "delete" | "action" | "answer" | "chat";
  answer?: CallbackAnswer;
}

export interface CallbackAnswer {
  query_id: string;
  user_id: number;
  text?: string;
  show_alert: boolean;
  url?: string;
}

export class Events {
  #version = 0;
  readonly #byChat = new Map<string, number>();
  readonly #listeners = new Set<(event: ChatEvent) => void>();

  emit(event: Omit<ChatEvent, "version">): void {
    this.#byChat.set(event.chat, ++this.#version);
    for (const listener of [...this.#listeners]) listener({ ...event, version: this.#version });
  }

  /** Version of the last event of the chat, 0 before the first. */
  version(chat: string): number {
    return this.#byChat.get(chat) ?? 0;
  }

  /** Returns the function that ends it. */
  listen(listener: (event: ChatEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves with true once the chat has an event newer than `after`, with false after `ms` or when aborted. */
  newerThan(chat: string, after: number, ms: number, signal?: AbortSignal): Promise<boolean> {
    if (this.version(chat) > after) return Promise.resolve(true);
    if (signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (newer: boolean) => {
        stop();
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
        resolve(newer);
      };
      const aborted = () => finish(false);
      const stop = this.listen((event) => event.chat === chat && finish(true));
      const timer = setTimeout(aborted, ms);
      signal?.addEventListener("abort", aborted);
    });
  }
}
