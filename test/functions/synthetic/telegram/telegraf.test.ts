/** The real Telegraf as a consumer, over HTTP, by polling and by webhook. */
import { Readable } from "node:stream";
import { Telegraf } from "telegraf";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serve, type Served } from "../../../../scripts/stack/serve.ts";
import { CHAT, setUp, TOKEN } from "./_support.ts";
import { png } from "./pictures.ts";

let set: ReturnType<typeof setUp>;
let server: Served;
let bot: Telegraf;
/** Every run of the bot's handlers: a test ends when they have. */
let handled: Promise<void>[];
beforeEach(async () => {
  set = setUp({ now: Date.now });
  server = await serve(set.telegram.handle, { port: 0 });
  bot = new Telegraf(TOKEN, { telegram: { apiRoot: server.url } });
  handled = [];
  bot.use((_, next) => {
    const run = next();
    handled.push(run);
    return run;
  });
  bot.command("admin", (ctx) =>
    ctx.replyWithHTML(`<b>${ctx.payload}</b>`, {
      reply_markup: { inline_keyboard: [[{ text: "Next", callback_data: "next" }]] },
    }));
  bot.action("next", async (ctx) => {
    await ctx.answerCbQuery("turned");
    await ctx.editMessageText("page 2");
  });
  bot.command("file", (ctx) => ctx.replyWithDocument({ source: Buffer.from("all traces"), filename: "traces.txt" }));
});
afterEach(async () => {
  set.telegram.close();
  await server.close();
});

async function converse() {
  const { client } = set;
  client.send({ chat: CHAT, text: "/admin traces" });
  const shown = await client.until(CHAT, (chat) => chat.messages.at(-1)?.text === "traces");
  const message = shown.messages.at(-1)!;
  expect(message.entities).toEqual([{ type: "bold", offset: 0, length: 6 }]);

  const query = client.press({ chat: CHAT, message_id: message.message_id, label: "Next" });
  expect(await client.answer(query)).toMatchObject({ text: "turned" });
  const turned = await client.until(CHAT, (chat) => chat.messages.at(-1)?.text === "page 2");
  expect(turned.messages.at(-1)).toMatchObject({ message_id: message.message_id, edit_count: 1 });

  client.send({ chat: CHAT, text: "/file" });
  const sent = await client.until(CHAT, (chat) => chat.messages.at(-1)?.document !== undefined);
  const { file_id, file_name } = sent.messages.at(-1)!.document!;
  expect([file_name, new TextDecoder().decode(client.file(file_id)?.content)]).toEqual(["traces.txt", "all traces"]);
  await Promise.all(handled);
}

test("polling", async () => {
  const running = bot.launch();
  await converse();
  bot.stop();
  await running;
});

test("webhook, with the secret checked by Telegraf itself", async () => {
  const secret_token = "secret-1";
  const callback = bot.webhookCallback("/hook", { secretToken: secret_token });
  const { createServer } = await import("node:http");
  const hook = createServer(callback);
  await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", resolve));
  const { port } = hook.address() as { port: number };
  await bot.telegram.setWebhook(`http://127.0.0.1:${port}/hook`, { secret_token });
  await converse();
  expect(set.client.records.deliveries.every((d) => d.status === 200)).toBe(true);
  hook.close();
  hook.closeAllConnections();
});

test("its errors carry the code, the description and retry_after", async () => {
  const { telegram } = bot;
  await expect(telegram.sendMessage(1001, "")).rejects.toMatchObject({
    code: 400,
    description: "Bad Request: message text is empty",
  });
  for (let i = 0; i < 5; i++) await telegram.sendMessage(1001, `m${i}`);
  await expect(telegram.sendMessage(1001, "m5")).rejects.toMatchObject({
    code: 429,
    parameters: { retry_after: expect.toSatisfy((n: number) => n >= 1 && n <= 5) },
  });
});

test("a picture takes a text's place, and a rich message goes by its plain call", async () => {
  const { telegram } = bot;
  const { message_id } = await telegram.sendMessage(1001, "text");
  const edited = await telegram.editMessageMedia(1001, message_id, undefined, {
    type: "photo",
    media: { source: Buffer.from(png(30, 20)), filename: "trace.png" },
    caption: "<b>trace</b>",
    parse_mode: "HTML",
  });
  expect(edited).toMatchObject({ message_id, photo: [{ width: 30, height: 20 }], caption: "trace" });
  await expect(telegram.editMessageText(1001, message_id, undefined, "back")).rejects.toMatchObject({
    description: "Bad Request: there is no text in the message to edit",
  });

  const file = await telegram.sendDocument(1001, { source: Readable.from(["a,b\n", "1,2\n"]), filename: "t.csv" });
  expect(file.document).toMatchObject({ file_name: "t.csv", file_size: 8 });

  const rich = { chat_id: 1001, rich_message: { html: "<h1>Trace</h1>" } };
  expect(await telegram.callApi("sendRichMessage" as "sendMessage", rich as never))
    .toMatchObject({ rich_message: { blocks: [{ type: "heading" }] } });
  set.client.setRich(false);
  await expect(telegram.callApi("sendRichMessage" as "sendMessage", rich as never))
    .rejects.toMatchObject({ code: 404 });
});
