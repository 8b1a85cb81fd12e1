/**
 * What the person does in a turn, and the updates that come of it.
 *
 * @module
 */
import { buttonsOf } from "../expect/words.ts";
import type { Turn } from "../scenario.ts";
import { ClientError } from "../telegram/acts.ts";
import type { Message } from "../telegram/types.ts";
import type { Stage } from "./stage.ts";

/** Resolves to the bot's updates. @throws {ClientError} in words, when no Telegram app would let a person do it. */
export async function act({ telegram: { client }, chat, port }: Stage, turn: Turn): Promise<object[]> {
  const { say, photo, document, press, press_data } = turn;
  if (say !== undefined) client.send({ chat, text: say });
  else if (photo) client.send({ chat, photo });
  else if (document) client.send({ chat, document });
  else {
    const messages = client.chat(chat).messages.filter(({ from }) => from.is_bot);
    const { message_id } = messages.findLast((message) => has(message, turn)) ?? missing(messages, turn);
    client.press({
      chat,
      message_id,
      ...(press !== undefined && { label: press }),
      ...(press_data !== undefined && { data: press_data }),
    });
  }
  // All that came before have been taken.
  const answer = await (await port.post("getUpdates", "{}")).json();
  if (!answer.ok) throw new ClientError(`the bot gets no updates from the runner: ${answer.description}`);
  const updates = answer.result as { update_id: number }[];
  const offset = (updates.at(-1)?.update_id ?? 0) + 1;
  await port.post("getUpdates", JSON.stringify({ offset }));
  return updates;
}

/** As the transcript shows it. */
export function shownTurn({ say, press, press_data, photo, document }: Turn): string {
  const file = photo ? "[photo]" : document ? `[document ${document.file_name}]` : undefined;
  if (file) return [file, (photo ?? document)?.caption].filter((part) => part).join(" ");
  return say ?? `[presses ${press ?? press_data}]`;
}

const has = ({ reply_markup }: Message, { press, press_data }: Turn): boolean =>
  !!reply_markup?.inline_keyboard.flat().some(({ text, callback_data }) =>
    press !== undefined ? text === press : callback_data === press_data
  );

function missing(messages: Message[], { press, press_data }: Turn): never {
  const there = messages.flatMap(buttonsOf);
  const list = there.length === 0
    ? "there are none"
    : `there are ${there.map((label) => JSON.stringify(label)).join(", ")}`;
  throw new ClientError(`There is no button ${JSON.stringify(press ?? press_data)} to press: ${list}`);
}
