import { expect, test } from "vitest";
import { ADA, badRequest, CHAT, setUp } from "../_support.ts";

test("sendChatAction shows for five seconds, or until the bot writes", async () => {
  const { api, say, client, clock } = setUp();
  const typing = { chat_id: ADA.id, action: "typing" };
  expect(await api("sendChatAction", { ...typing, action: "sleeping" }))
    .toEqual(badRequest("wrong parameter action in request"));
  expect(await api("sendChatAction", typing)).toEqual({ ok: true, result: true });
  expect(client.chat(CHAT).action).toBe("typing");
  clock.now += 5_000;
  expect(client.chat(CHAT)).not.toHaveProperty("action");
  await api("sendChatAction", typing);
  await say("done");
  expect(client.chat(CHAT)).not.toHaveProperty("action");
});
