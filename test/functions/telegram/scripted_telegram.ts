/** A Telegram on a port that answers as it is told, once each; without an answer left, every call succeeds. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

interface Call {
  method: string;
  // deno-lint-ignore no-explicit-any -- a test reads whatever it expects in a call
  payload: any;
}

export type Answer = (res: ServerResponse) => void;

export interface ScriptedTelegram {
  apiRoot: string;
  calls: Call[];
  /** The next call of `method` gets this. */
  next(method: string, answer: Answer): void;
}

export const refuse =
  (error_code: number, description: string, parameters?: { retry_after: number }): Answer => (res) =>
    reply(res, error_code, { ok: false, error_code, description, ...(parameters && { parameters }) });

export const accept: Answer = (res) => reply(res, 200, { ok: true, result: true });

export const hangUp: Answer = (res) => res.destroy();

export async function scriptedTelegram(): Promise<ScriptedTelegram> {
  const calls: Call[] = [];
  const answers: { method: string; answer: Answer }[] = [];
  const server = createServer(async (req, res) => {
    const pieces: Uint8Array[] = [];
    for await (const chunk of req) pieces.push(chunk);
    const method = req.url!.split("/").at(-1)!;
    calls.push({ method, payload: await payloadOf(Buffer.concat(pieces), req.headers["content-type"]!) });
    const i = answers.findIndex((scripted) => scripted.method === method);
    if (i < 0) accept(res);
    else answers.splice(i, 1)[0]!.answer(res);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    apiRoot: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    next: (method, answer) => void answers.push({ method, answer }),
  };
}

/** Parameters as they were sent; a file is its name and its bytes. */
async function payloadOf(body: Uint8Array<ArrayBuffer>, type: string): Promise<unknown> {
  if (!type.startsWith("multipart/")) return JSON.parse(new TextDecoder().decode(body));
  const form = await new Response(body, { headers: { "content-type": type } }).formData();
  const fields = [...form].map(async ([name, value]) => [
    name,
    typeof value === "string" ? value : { filename: value.name, bytes: [...new Uint8Array(await value.arrayBuffer())] },
  ]);
  return Object.fromEntries(await Promise.all(fields));
}

function reply(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
