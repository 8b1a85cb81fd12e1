import { expect, test } from "vitest";
import { describe as described } from "../../../functions/telegram/log.ts";

test("no bot token reaches the log, neither in the message nor in the stack", () => {
  const error = new Error("request to https://api.telegram.org/bot123456:AB-c_d/sendMessage failed");
  const { error: message, stack } = described(error);
  expect(message).toBe("Error: request to https://api.telegram.org/bot[token]/sendMessage failed");
  expect(stack![0]).toMatch(/^at .*log\.test\.ts/);
  expect(JSON.stringify(stack)).not.toContain("AB-c_d");
});

test("what is thrown need not be an error", () => expect(described("away")).toEqual({ error: "away" }));
