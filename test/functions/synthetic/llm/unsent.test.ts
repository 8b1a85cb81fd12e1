// Errors of the real fetch, of Node and of Deno: nobody was there to bill anything.
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { wasNeverSent } from "../../../../functions/synthetic/llm/unsent.ts";
import { denoProgram } from "../../../../scripts/stack/functions.ts";
import { serve } from "../../../../scripts/stack/serve.ts";

/** Takes what it is sent, and hangs up. */
async function hangingUp(): Promise<string> {
  const server = createServer((socket) => socket.once("data", () => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
/** Nobody is there any more, and nobody ever has that name. */
async function nobody(): Promise<string[]> {
  const { url, close } = await serve(() => Promise.resolve(new Response()), { port: 0 });
  await close();
  return [url, "http://nobody.invalid/"];
}
const CALL = { method: "POST", body: "{}" };

test("Node", async () => {
  const told = (url: string) => fetch(url, CALL).then(() => "answered", wasNeverSent);
  expect(await Promise.all([...await nobody(), await hangingUp()].map(told))).toEqual([true, true, false]);
});

test("Deno", async () => {
  const module = fileURLToPath(new URL("../../../../functions/synthetic/llm/unsent.ts", import.meta.url));
  const program = `
    import { wasNeverSent } from ${JSON.stringify(module)};
    const told = (url) => fetch(url, ${JSON.stringify(CALL)}).then(() => "answered", wasNeverSent);
    console.log(JSON.stringify(await Promise.all(${
    JSON.stringify([...await nobody(), await hangingUp()])
  }.map(told))));`;
  const { stdout } = await promisify(execFile)(denoProgram(), ["eval", "--quiet", "--no-lock", program]);
  expect(JSON.parse(stdout)).toEqual([true, true, false]);
});

test("what is no error of a connection", () => {
  for (const error of [undefined, "x", new Error("aborted"), new DOMException("aborted", "AbortError")]) {
    expect(wasNeverSent(error)).toBe(false);
  }
});
