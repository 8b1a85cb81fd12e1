import { expect, test } from "vitest";
import { REFUSALS } from "../../../../functions/synthetic/telegram/faults.ts";
import { ADA, badRequest, setUp } from "./_support.ts";

test.each([
  [REFUSALS.blocked, 403, "Forbidden: bot was blocked by the user"],
  [REFUSALS.notEditable, 400, "Bad Request: message can't be edited"],
  [REFUSALS.gone, 400, "Bad Request: message to edit not found"],
  [REFUSALS.broken, 500, "Internal Server Error"],
  [REFUSALS.flood(7), 429, "Too Many Requests: retry after 7"],
])("an ordered refusal reads like Telegram's: %#", async (fault, error_code, description) => {
  const { client, say } = setUp();
  client.fault({ method: "sendMessage", fault });
  expect(await say("a")).toMatchObject({ ok: false, error_code, description });
  expect(await say("a")).toMatchObject({ ok: true });
});

test("a message may grow too old to be edited", async () => {
  const { say, api, clock } = setUp({ editTimeLimitMs: 48 * 3_600_000 });
  await say("a");
  clock.now += 48 * 3_600_000;
  const edit = (text: string) => api("editMessageText", { chat_id: ADA.id, message_id: 2, text });
  expect(await edit("b")).toMatchObject({ ok: true });
  clock.now += 1;
  expect(await edit("c")).toEqual(badRequest("message can't be edited"));
});
