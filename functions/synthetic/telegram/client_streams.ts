/**
 * What the users' side answers with that is no JSON: files, and events as they happen.
 *
 * @module
 */
import type { Client } from "./client.ts";

/** Undefined when there is no such file. */
export function download(client: Client, fileId: string): Response | undefined {
  const file = client.file(fileId);
  if (!file) return undefined;
  // The bot chose name and type: a download, never rendered in this origin, but for what was decoded as a picture.
  return new Response(file.content, {
    headers: {
      "content-type": file.image ?? "application/octet-stream",
      "content-disposition": `${file.image ? "inline" : "attachment"}; filename*=UTF-8''${
        encodeURIComponent(file.name)
      }`,
      "content-security-policy": "default-src 'none'; sandbox",
      "x-content-type-options": "nosniff",
    },
  });
}

/** Server-sent events until `end` or the reader has gone. */
export function eventStream(client: Client, end: AbortSignal): Response {
  let stop = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (line: string) => controller.enqueue(new TextEncoder().encode(`${line}\n\n`));
      const close = () => {
        stop();
        controller.close();
      };
      const unlisten = client.listen((event) => send(`data: ${JSON.stringify(event)}`));
      stop = () => {
        unlisten();
        end.removeEventListener("abort", close);
      };
      end.addEventListener("abort", close);
      // Headers may be held back until there is a body: the reader shall know at once that it is connected.
      send(": connected");
    },
    cancel: () => stop(),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
}
