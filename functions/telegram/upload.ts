/**
 * Calls of the Bot API that bring files along. Telegraf would write them as a Node stream, which never ends in Deno.
 *
 * @module
 */
import { type Telegram, TelegramError } from "telegraf";

export interface UploadedFile {
  bytes: Uint8Array;
  filename: string;
}

/** By the name of the parameter, or the name that an `attach://` in another one refers to. */
export type Files = Readonly<Record<string, UploadedFile>>;

/** No answer, or none of the Bot API. */
export class UploadFailed extends Error {
  override readonly name = "UploadFailed";
}

/** @throws {TelegramError} What Telegram refuses. @throws {UploadFailed} @throws TimeoutError, of `signal`. */
export async function upload(
  { token, options }: Pick<Telegram, "token" | "options">,
  method: string,
  payload: object,
  files: Files,
  signal: AbortSignal,
): Promise<void> {
  const body = new FormData();
  for (const [name, value] of Object.entries(payload)) {
    if (value !== undefined) body.append(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  for (const [name, { bytes, filename }] of Object.entries(files)) {
    body.append(name, new Blob([bytes as Uint8Array<ArrayBuffer>]), filename);
  }
  let answer: { ok: boolean; error_code: number; description: string };
  try {
    const response = await fetch(`${options.apiRoot}/bot${token}/${method}`, { method: "POST", body, signal });
    answer = await response.json();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new UploadFailed(String(error), { cause: error });
  }
  if (!answer.ok) throw new TelegramError(answer, { method, payload });
}
