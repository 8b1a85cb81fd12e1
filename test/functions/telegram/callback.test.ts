import { randomBytes, randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type Action, decodeAction, encodeAction } from "../../../functions/telegram/callback.ts";
import { id } from "./traces_fixture.ts";

function randomTraceId(): string {
  const bytes = randomBytes(16);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const randomAction = (): Action =>
  [
    (): Action => ({ screen: "traces" }),
    (): Action => ({ screen: "trace", trace_id: randomTraceId(), back: randomTraceId() }),
    ...(["older", "newer", "from"] as const).map((direction) => (): Action => ({
      screen: "traces",
      cursor: { direction, trace_id: randomTraceId() },
    })),
  ][randomInt(5)]!();

describe("callback data", () => {
  test("looks like this", () => {
    const packed = "AZS8H50AcACAAAAAAAAAAQ";
    expect(encodeAction({ screen: "traces" })).toBe("1l");
    expect(encodeAction({ screen: "traces", cursor: { direction: "older", trace_id: id(1) } })).toBe(`1lo${packed}`);
    expect(encodeAction({ screen: "trace", trace_id: id(1), back: id(1) })).toBe(`1t${packed}${packed}`);
  });

  test("every action comes back, in at most 64 bytes", () => {
    for (let i = 0; i < 2000; i++) {
      const action = randomAction();
      const data = encodeAction(action);
      expect(Buffer.byteLength(data)).toBeLessThanOrEqual(64);
      expect(decodeAction(data)).toEqual(action);
    }
  });

  test("garbage is null or an action that encodes to the same bytes, never an error", () => {
    for (let i = 0; i < 5000; i++) {
      const bytes = [...encodeAction(randomAction())];
      // One to four characters changed, dropped or doubled: close enough to be mistaken for data of ours.
      for (let changes = randomInt(1, 5); changes > 0; changes--) {
        bytes.splice(randomInt(bytes.length + 1), randomInt(2), ...["", "l", "t", "-", "é", "=", "7"][randomInt(7)]!);
      }
      const data = bytes.join("");
      const action = decodeAction(data);
      if (action) expect(encodeAction(action)).toBe(data);
    }
  });

  test.each([
    "",
    "1",
    "l",
    "2l",
    "1x",
    "1lo",
    "1l\n",
    "1loAAAAAAAAAAAAAAAAAAAAAA",
    `1t${"A".repeat(43)}`,
    "traces:page:2",
  ])(
    "%j is not ours",
    (data) => expect(decodeAction(data)).toBeNull(),
  );
});
