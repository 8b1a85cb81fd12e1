import { describe, expect, test } from "vitest";
import { ADA, badRequest, CHAT, setUp } from "../_support.ts";

describe("deleteMessage", () => {
  test("of either side in a private chat, within 48 hours", async () => {
    const { say, api, client, clock } = setUp();
    await say("a");
    const remove = (message_id?: number) => api("deleteMessage", { chat_id: ADA.id, message_id });
    expect(await remove(1)).toEqual({ ok: true, result: true });
    expect(await remove(1)).toEqual(badRequest("message to delete not found"));
    expect(await remove()).toEqual(badRequest("message identifier is not specified"));
    clock.now += 48 * 3_600_000 + 1_000;
    expect(await remove(2)).toEqual(badRequest("message can't be deleted for everyone"));
    expect(client.chat(CHAT).messages).toMatchObject([{ text: "a" }]);
  });

  test("only its own in a group", async () => {
    const { api, client } = setUp();
    const group = client.createGroup({ title: "g", members: [ADA.id], bots: ["first_bot"] });
    const { message_id } = client.send({ chat: group.key, text: "a" });
    expect(await api("deleteMessage", { chat_id: group.chat.id, message_id })).toEqual(
      badRequest("message can't be deleted"),
    );
  });
});

test("a chat must be named", async () => {
  expect(await setUp().api("deleteMessage", { message_id: 1 })).toEqual(
    badRequest("chat identifier is not specified"),
  );
});

describe("deleteMessages", () => {
  test("skips those that are not there", async () => {
    const { say, api, client } = setUp();
    await say("a");
    expect(await api("deleteMessages", { chat_id: ADA.id, message_ids: [1, 2, 9] })).toEqual({
      ok: true,
      result: true,
    });
    expect(client.chat(CHAT).messages).toEqual([]);
  });

  test.each([
    [undefined, "message identifiers are not specified"],
    [[], "message identifiers are not specified"],
    [{}, "expected an Array of message identifiers"],
    [Array(101).fill(1), "too many message identifiers specified"],
    [[0], "invalid message identifier specified"],
  ])("refuses %#", async (message_ids, complaint) => {
    expect(await setUp().api("deleteMessages", { chat_id: ADA.id, message_ids })).toEqual(badRequest(complaint));
  });
});
