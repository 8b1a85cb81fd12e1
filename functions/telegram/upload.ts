/**
 * Calls of the Bot API with a file, through the platform's own `fetch`: Telegraf's way of sending one never ends on Deno.
 *
 * @module
 */
import { type Telegram, TelegramError } from "telegraf";

/** A file as Telegraf's payloads have it; its pieces are made as they are sent. */
interface File {
  source: Uint8Array | AsyncIterable<Uint8Array>;
  filename: string;
}

type Json = Record<string, unknown>;

/** Whether the platform's `fetch` must make the call. */
export const hasFile = (payload: object): boolean =>
  Object.values(payload).some((value) => isFile(value) || isFile((value as Json | null)?.["media"]));

/** @throws {TelegramError} What Telegram refuses. @throws {Error} Named `FetchError` without an answer, as Telegraf has it. */
export async function upload(
  { token, options }: Pick<Telegram, "token" | "options">,
  method: string,
  payload: object,
  signal: AbortSignal,
): Promise<unknown> {
  const boundary = `----${crypto.randomUUID()}`;
  const request: RequestInit & { duplex: "half" } = {
    method: "POST",
    headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
    body: streamOf(parts(boundary, payload)),
    duplex: "half",
    signal,
  };
  const response = await fetch(`${options.apiRoot}/bot${token}/${method}`, request).catch((error: unknown) => {
    if (!(error instanceof TypeError)) throw error;
    throw Object.assign(new Error(error.message), { name: "FetchError" });
  });
  const failed = { error_code: response.status, description: response.statusText };
  if (response.status >= 500) {
    await response.body?.cancel();
    throw new TelegramError(failed, { method, payload: {} });
  }
  const answer = await response.json();
  if (!answer.ok) throw new TelegramError(answer, { method, payload: {} });
  return answer.result;
}

/** Fields first: Telegram reads them without waiting for the files. */
async function* parts(boundary: string, payload: object): AsyncIterable<Uint8Array> {
  const encoder = new TextEncoder();
  const files: [string, File][] = [];
  for (const [name, value] of Object.entries(payload)) {
    if (value === undefined) continue;
    if (isFile(value)) {
      files.push([name, value]);
      continue;
    }
    const media = (value as Json | null)?.["media"];
    if (isFile(media)) files.push(["file", media]);
    const field = isFile(media) ? { ...value, media: "attach://file" } : value;
    const text = typeof field === "object" ? JSON.stringify(field) : String(field);
    yield encoder.encode(`--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`);
  }
  for (const [name, { source, filename }] of files) {
    const head = `content-disposition: form-data; name="${name}"; filename="${filename}"`;
    yield encoder.encode(`--${boundary}\r\n${head}\r\ncontent-type: application/octet-stream\r\n\r\n`);
    if (source instanceof Uint8Array) yield source;
    else yield* source;
    yield encoder.encode("\r\n");
  }
  yield encoder.encode(`--${boundary}--\r\n`);
}

/** Reads a piece when the last one is sent. */
function streamOf(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  }, { highWaterMark: 0 });
}

function isFile(value: unknown): value is File {
  return typeof value === "object" && value !== null && "source" in value && "filename" in value;
}
