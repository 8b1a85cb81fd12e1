import { expect, onTestFinished, test, vi } from "vitest";
import { UpdateRecord } from "../../../functions/telegram/record.ts";
import { literal } from "../../../functions/telegram/render/html.ts";
import { screen } from "../../../functions/telegram/render/screen.ts";

const hello = screen("traces", literal("hello"), []);

test("nothing answered is nothing recorded", () => expect(new UpdateRecord(true).answered.responses).toEqual([]));

test("of several waits the longest is recorded, wherever it comes", () => {
  const record = new UpdateRecord(true);
  record.showing(hello);
  for (const seconds of [2, 60, 5]) record.rateLimited(seconds);
  expect(record.answered.responses).toEqual([{ screen: "traces", characters: 5, query_ms: null, retry_after: 60 }]);
});

test("a 429 that does not say how long to wait is recorded, too", () => {
  const record = new UpdateRecord(true);
  record.rateLimited(0);
  expect(record.answered.responses).toEqual([{ screen: "answer", characters: 0, query_ms: null, retry_after: 0 }]);
});

test("the time of the query is that of all its calls, of those that fail as well, and of nothing else", async () => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const record = new UpdateRecord(true);
  const { double, fail } = record.timed({
    double: (value: number) => (vi.advanceTimersByTime(12), Promise.resolve(2 * value)),
    fail: () => (vi.advanceTimersByTime(30.4), Promise.reject(new Error("away"))),
  });
  record.showing(hello);
  expect(record.answered.responses).toEqual([{ screen: "traces", characters: 5, query_ms: null }]);
  vi.advanceTimersByTime(100);
  expect(await double(4)).toBe(8);
  vi.advanceTimersByTime(100);
  await expect(fail()).rejects.toThrow("away");
  expect(record.answered.responses).toEqual([{ screen: "traces", characters: 5, query_ms: 42 }]);
});

test("rich messages that were refused are remembered once", () => {
  const record = new UpdateRecord(true);
  expect(record.answered.richRefused).toBe(false);
  record.rich.accepted = false;
  expect(record.answered.richRefused).toBe(true);
  expect(new UpdateRecord(false).answered.richRefused).toBe(false);
});
