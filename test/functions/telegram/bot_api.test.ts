import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createBotCall } from "../../../functions/telegram/bot_api.ts";
import { type Receiver, startReceiver } from "../../_support/receiver.ts";

let server: Receiver;
beforeEach(async () => {
  server = await startReceiver();
});
afterEach(() => server.close());

const call = (ms = 5000) =>
  createBotCall({ apiRoot: server.url, token: "1:a" })(
    "sendMessage",
    { chat_id: 7, text: "x" },
    { signal: AbortSignal.timeout(ms) },
  );
const answers = (status: number, body: string) => {
  server.respond = (response) => response.writeHead(status).end(body);
};

test("the result of a call", async () => {
  answers(200, '{"ok":true,"result":{"message_id":3}}');
  expect(await call()).toEqual({ message_id: 3 });
  expect(server.heard).toMatchObject([{
    method: "POST",
    path: "/bot1:a/sendMessage",
    body: '{"chat_id":7,"text":"x"}',
  }]);
});

test("a refusal, with how long to wait", async () => {
  answers(429, '{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":9}}');
  await expect(call()).rejects.toMatchObject({
    code: 429,
    description: "Too Many Requests",
    parameters: { retry_after: 9 },
  });
});

test.each([[502, "<html>Bad Gateway</html>"], [200, "null"], [200, "{}"], [504, ""]])(
  "%d %j is no answer of Telegram",
  async (status, body) => {
    answers(status, body);
    await expect(call()).rejects.toMatchObject({
      name: "NoAnswer",
      message: `sendMessage: HTTP ${status}, not an answer of Telegram`,
    });
  },
);

test("no answer in time", async () => {
  server.respond = () => {};
  await expect(call(50)).rejects.toMatchObject({ name: "NoAnswer", message: expect.stringContaining("TimeoutError") });
});

describe("a file", () => {
  const upload = (content: () => AsyncGenerator<Uint8Array>) =>
    createBotCall({ apiRoot: server.url, token: "1:a" })(
      "sendDocument",
      { chat_id: 7 },
      { signal: AbortSignal.timeout(5000), files: { document: { content: content(), filename: "a.txt" } } },
    );

  test("that cannot be made is told by what its making threw", async () => {
    const broken = new RangeError("the rows are gone");
    async function* content() {
      yield await Promise.resolve(new Uint8Array(10));
      throw broken;
    }
    await expect(upload(content)).rejects.toBe(broken);
  });

  test("is refused as anything else is", async () => {
    answers(413, '{"ok":false,"error_code":413,"description":"Request Entity Too Large"}');
    async function* content() {
      yield await Promise.resolve(new Uint8Array(10));
    }
    await expect(upload(content)).rejects.toMatchObject({ code: 413, name: "Error" });
  });
});
