import { describe, expect, test } from "vitest";
import { alertSecret, sameSecret } from "../../../functions/_shared/secret.ts";

describe("sameSecret", () => {
  test.each(["s3cret", "", "пароль 🙂", "x".repeat(10_000)])("holds for %j and itself", async (secret) => {
    expect(await sameSecret(secret, `${secret}`)).toBe(true);
  });

  test.each([["s3cret", "s3creT"], ["s3cret", "s3cret "], ["s3cret", ""], ["", "s3cret"], ["a", "aa"]])(
    "not for %j and %j",
    async (a, b) => expect(await sameSecret(a, b)).toBe(false),
  );

  test("not for any of 3,000 others, of which some share the first or the last byte of their digest", async () => {
    const others = await Promise.all(Array.from({ length: 3000 }, (_, i) => sameSecret("s3cret", `other ${i}`)));
    expect(others).not.toContain(true);
  });
});

test("the secret of alerts is always the same, and another for each of Telegram's", async () => {
  expect(await alertSecret("s3cret")).toMatch(/^[0-9a-f]{64}$/);
  expect(await alertSecret("s3cret")).toBe(await alertSecret("s3cret"));
  expect(await alertSecret("s3creT")).not.toBe(await alertSecret("s3cret"));
});
