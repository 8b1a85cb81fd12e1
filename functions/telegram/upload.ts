/**
 * Calls of the Bot API that bring files along, as they are made. Telegraf would write them as a Node stream, which never
 * ends in Deno.
 *
 * @module
 */
import { type Telegram, TelegramError } from "telegraf";

export interface UploadedFile {
  /** Whole, or in pieces; of what making them throws, the call throws the same. */
  content: Uint8Array | AsyncIterable<Uint8Array>;
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
): Promise<unknown> {
  const boundary = `tracegram-${crypto.randomUUID()}`;
  let failure: { error: unknown } | undefined;
  async function* body(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    try {
      yield* form(boundary, payload, files);
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  let answer: { ok: boolean; result: unknown; error_code: number; description: string };
  try {
    const response = await fetch(`${options.apiRoot}/bot${token}/${method}`, {
      method: "POST",
      headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
      body: streamOf(body()),
      signal,
      duplex: "half",
    } as RequestInit);
    answer = await response.json();
  } catch (error) {
    if (failure) throw failure.error;
    if (signal.aborted) throw signal.reason;
    throw new UploadFailed(String(error), { cause: error });
  }
  if (!answer.ok) throw new TelegramError(answer, { method, payload });
  return answer.result;
}

const encoder = new TextEncoder();

async function* form(boundary: string, payload: object, files: Files): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const part = (disposition: string) =>
    encoder.encode(`--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n`);
  const end = encoder.encode("\r\n");
  for (const [name, value] of Object.entries(payload)) {
    if (value === undefined) continue;
    yield part(`name="${name}"`);
    yield encoder.encode(typeof value === "string" ? value : JSON.stringify(value));
    yield end;
  }
  for (const [name, { content, filename }] of Object.entries(files)) {
    yield part(`name="${name}"; filename="${filename.replace(/["\\\r\n]/g, "_")}"`);
    if (content instanceof Uint8Array) yield content as Uint8Array<ArrayBuffer>;
    else for await (const piece of content) yield piece as Uint8Array<ArrayBuffer>;
    yield end;
  }
  yield encoder.encode(`--${boundary}--\r\n`);
}

/** Made as it is read. */
function streamOf(pieces: AsyncGenerator<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}
