/**
 * What this Telegram's servers can do: the newest Bot API, or, where a test says so, an older one that has never heard
 * of rich messages.
 *
 * An older server answers a method it lacks with 404, and does not look at parameters it does not know.
 *
 * @module
 */
export class Features {
  #rich = true;
  readonly #richByChat = new Map<string, boolean>();

  /** Whether rich messages are known: in all chats, or in the one with this key, whatever holds for all. */
  setRich(known: boolean, chat?: string): void {
    if (chat === undefined) this.#rich = known;
    else this.#richByChat.set(chat, known);
  }

  /** Undefined asks for chats of which nothing was said. */
  hasRich(chat?: string): boolean {
    return (chat !== undefined ? this.#richByChat.get(chat) : undefined) ?? this.#rich;
  }
}
