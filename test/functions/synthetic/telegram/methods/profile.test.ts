import { expect, test } from "vitest";
import { ADA, badRequest, setUp } from "../_support.ts";

test("getMe", async () => {
  expect((await setUp().api("getMe")).result).toEqual({
    id: 7001,
    is_bot: true,
    first_name: "first_bot",
    username: "first_bot",
    can_join_groups: true,
    can_read_all_group_messages: false,
    supports_inline_queries: false,
  });
});

test("getChat", async () => {
  const { api } = setUp();
  expect((await api("getChat", { chat_id: ADA.id })).result)
    .toEqual({ id: 1001, type: "private", first_name: "Ada", username: "ada" });
  expect(await api("getChat", { chat_id: 5 })).toEqual(badRequest("chat not found"));
});
