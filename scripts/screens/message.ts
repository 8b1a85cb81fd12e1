/**
 * What an admin would see of a reply: sent to the Bot API stand-in, so that what Telegram would refuse is refused here too.
 *
 * @module
 */
import { createTelegram } from "../../functions/synthetic/telegram/telegram.ts";
import type { ChatView } from "../../functions/synthetic/telegram/views.ts";
import { encodeAction } from "../../functions/telegram/callback.ts";
import type { Button, Reply } from "../../functions/telegram/render/screen.ts";

export type ShownMessage = ChatView["messages"][number];

export interface Shown {
  /** `rich` beside the same screen as a text, for a screen that is both. */
  form: "text" | "rich" | "picture" | "file";
  /** What the renderer says: visible UTF-16 units, or bytes of a file. */
  size: string;
  /** Undefined when it was refused. */
  message?: ShownMessage;
  refusal?: string;
  /** Of its picture or file, as a data URL. */
  data?: string;
}

const TOKEN = "1:screens";
const CHAT = 1001;
/** Of a file, as much as is shown. */
const MAX_FILE = 200_000;

/** Each form of the reply as its own message. */
export async function showReply(reply: Reply): Promise<Shown[]> {
  if ("content" in reply) return [await showFile(reply)];
  const keyboard = JSON.stringify({ inline_keyboard: reply.keyboard.map((row) => row.map(toKey)) });
  if ("png" in reply) {
    const photo = new File([new Uint8Array(reply.png)], "picture.png", { type: "image/png" });
    const call = { caption: reply.html, parse_mode: "HTML", reply_markup: keyboard, photo };
    return [{
      form: "picture",
      size: `${reply.chars} characters, ${(reply.png.length / 1000).toFixed(1)} kB`,
      ...await send("sendPhoto", call),
      data: `data:image/png;base64,${Buffer.from(reply.png).toString("base64")}`,
    }];
  }
  const text = await send("sendMessage", { text: reply.html, parse_mode: "HTML", reply_markup: keyboard });
  const shown: Shown[] = [{ form: "text", size: `${reply.chars} characters`, ...text }];
  if (reply.rich) {
    const call = { rich_message: JSON.stringify({ html: reply.rich.html }), reply_markup: keyboard };
    shown.push({ form: "rich", size: `${reply.rich.chars} characters`, ...await send("sendRichMessage", call) });
  }
  return shown;
}

async function showFile(file: Extract<Reply, { content: unknown }>): Promise<Shown> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of file.content(() => {})) {
    parts.push(part);
    bytes += part.length;
    if (bytes > MAX_FILE) break;
  }
  const content = Buffer.concat(parts);
  const document = new File([new Uint8Array(content)], file.filename);
  return {
    form: "file",
    size: `${content.length} bytes`,
    ...await send("sendDocument", { caption: file.caption, document }),
    data: `data:application/octet-stream;base64,${content.toString("base64")}`,
  };
}

const toKey = ({ label, action }: Button) => ({ text: label, callback_data: encodeAction(action) });

/** Each in a Telegram of its own: there is nothing that would come too often. */
async function send(
  method: string,
  params: Record<string, string | File>,
): Promise<Pick<Shown, "message" | "refusal">> {
  const telegram = createTelegram({
    bots: [{ token: TOKEN, username: "tracegram_admin_bot", first_name: "Tracegram" }],
    users: [{ id: CHAT, first_name: "Ada" }],
    now: () => Date.UTC(2025, 0, 31, 12, 3, 23),
  });
  const { key } = telegram.client.openChat(CHAT, "tracegram_admin_bot");
  telegram.client.send({ chat: key, text: "/admin" });
  const body = new FormData();
  for (const [name, value] of Object.entries({ chat_id: String(CHAT), ...params })) body.append(name, value);
  const request = new Request(`http://telegram/bot${TOKEN}/${method}`, { method: "POST", body });
  const answer = await (await telegram.handle(request)).json() as { ok: boolean; description: string };
  return answer.ok ? { message: telegram.client.chat(key).messages.at(-1)! } : { refusal: answer.description };
}
