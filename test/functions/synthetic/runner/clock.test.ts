import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openClock } from "../../../../functions/synthetic/runner/clock.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

test("live: the time in which the bot is held up is none of its own, however many hold it", () => {
  const clock = openClock(true);
  const [began, worked] = [clock.now(), clock.worked()];
  const passed = () => [clock.now() - began, clock.worked() - worked];
  vi.advanceTimersByTime(100);
  const one = clock.hold();
  vi.advanceTimersByTime(30);
  const other = clock.hold();
  one();
  vi.advanceTimersByTime(20);
  expect(passed()).toEqual([150, 100]);
  other();
  vi.advanceTimersByTime(5);
  expect(passed()).toEqual([155, 105]);
});

test("in a replay time goes on by what was recorded alone", () => {
  const clock = openClock(false);
  const began = clock.worked();
  const goOn = clock.hold();
  vi.advanceTimersByTime(100);
  clock.advance(40);
  goOn();
  expect(clock.worked() - began).toBe(40);
});
