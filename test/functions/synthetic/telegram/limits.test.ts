import { expect, test } from "vitest";
import { RateLimiter, TELEGRAM_LIMITS } from "../../../../functions/synthetic/telegram/limits.ts";

const PRIVATE = { key: "p", isGroup: false };
const GROUP = { key: "g", isGroup: true };

function setUp() {
  const clock = { now: 0 };
  const limiter = new RateLimiter(TELEGRAM_LIMITS, () => clock.now);
  /** 0 when let through, else `retry_after`. */
  const take = (chat = PRIVATE) => {
    try {
      limiter.take(1, chat);
      return 0;
    } catch (error) {
      return (error as { parameters: { retry_after: number } }).parameters.retry_after;
    }
  };
  return { clock, limiter, take };
}

test("a chat takes a burst of five, and then one each second", () => {
  const { clock, take } = setUp();
  const sent: number[] = [];
  for (clock.now = 0; clock.now < 20_000; clock.now += 100) if (take() === 0) sent.push(clock.now);
  expect(sent.filter((at) => at < 5_000)).toHaveLength(5);
  expect(sent).toHaveLength(20);
});

test("retry_after is honest, and waiting less is refused again", () => {
  const { clock, take } = setUp();
  for (let i = 0; i < 5; i++) expect(take()).toBe(0);
  clock.now = 1_500;
  expect(take()).toBe(4);
  clock.now = 4_999;
  expect(take()).toBe(1);
  clock.now = 5_000;
  expect(take()).toBe(0);
});

test("the error is Telegram's", () => {
  const { limiter } = setUp();
  for (let i = 0; i < 5; i++) limiter.take(1, PRIVATE);
  expect(() => limiter.take(1, PRIVATE)).toThrow(
    expect.objectContaining({
      status: 429,
      message: "Too Many Requests: retry after 5",
      parameters: { retry_after: 5 },
    }),
  );
});

test("a group takes twenty a minute", () => {
  const { clock, take } = setUp();
  let sent = 0;
  for (clock.now = 0; clock.now < 60_000; clock.now += 1_000) if (take(GROUP) === 0) sent++;
  expect(sent).toBe(20);
  clock.now = 60_000;
  expect(take(GROUP)).toBe(0);
});

test("a bot takes thirty a second over all chats, and other bots are not hindered", () => {
  const { limiter } = setUp();
  for (let i = 0; i < 30; i++) limiter.take(1, { key: `p${i}`, isGroup: false });
  expect(() => limiter.take(1, { key: "p30", isGroup: false })).toThrow("retry after 1");
  expect(() => limiter.take(2, { key: "p30", isGroup: false })).not.toThrow();
});
