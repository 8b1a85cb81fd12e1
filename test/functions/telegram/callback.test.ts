import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type Action, type Back, decodeAction, encodeAction } from "../../../functions/telegram/callback.ts";
import { id } from "./traces_fixture.ts";

function randomTraceId(): string {
  const bytes = randomBytes(16);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** A run's id is made by the database. */
const randomRun = () => randomUUID();
const page = () => randomInt(4096);

const randomFilter = () => randomBytes(6).toString("base64url");
const pick = <T>(...of: T[]): T => of[randomInt(of.length)]!;
const hours = () => pick(1, 24, 168, 720) as 1 | 24 | 168 | 720;
const theme = () => pick("light" as const, "dark" as const);

const randomBack = (): Back =>
  pick<Back>(
    { to: "traces" },
    { to: "traces", filter: randomFilter() },
    { to: "traces", first: randomTraceId() },
    { to: "traces", filter: randomFilter(), first: randomTraceId() },
    { to: pick("home", "errors", "stats", "alerts") },
    { to: "result", run_id: randomRun(), position: page() },
  );

const randomAction = (): Action =>
  pick<() => Action>(
    () => ({ screen: pick("home", "storage", "tests", "admins", "help", "traces", "settings") }),
    () => ({ screen: "traces", filter: randomFilter() }),
    () => ({ screen: "traces", filter: randomFilter(), change: { order: pick("newest", "slowest", "dearest") } }),
    () => ({ screen: "traces", change: { status: pick("ok", "error", "running", "lost", null) } }),
    () => ({ screen: "traces", filter: randomFilter(), change: { hours: pick(1, 24, 168, 720, null) } }),
    () => ({ screen: "traces", filter: randomFilter(), change: {} }),
    () => ({
      screen: "traces",
      filter: randomFilter(),
      cursor: { direction: pick("older", "newer", "from"), trace_id: randomTraceId() },
    }),
    () => ({ screen: "traces", cursor: { direction: pick("older", "newer", "from"), trace_id: randomTraceId() } }),
    () => ({ screen: "trace", trace_id: randomTraceId(), back: randomBack() }),
    () => ({
      screen: "io",
      trace_id: randomTraceId(),
      step: 1 + randomInt(4095),
      side: pick("request", "response"),
      page: randomInt(4096),
      back: randomBack(),
    }),
    () => ({ screen: pick("errors", "stats"), hours: hours() }),
    () => ({ screen: "audit" }),
    () => ({ screen: "audit", before: 1 + randomInt(2 ** 47) }),
    () => ({ screen: "alerts", all: pick(true, false) }),
    () => ({ screen: "alerts", all: pick(true, false), before: 1 + randomInt(2 ** 47) }),
    () => ({ screen: "alert", alert_id: 1 + randomInt(2 ** 47) }),
    () => ({ screen: "alert", alert_id: 1, act: pick("acknowledge", "mute_1h", "mute_24h", "unmute") }),
    () => ({
      screen: "look",
      alert_id: 1 + randomInt(2 ** 47),
      press: pick("reason", "alerts", "acknowledge", "mute_1h", "mute_24h", "unmute"),
    }),
    () => ({ screen: "rule", rule: pick("p95", "missing_partitions") }),
    () => ({ screen: "rule", rule: "quota", enabled: pick(true, false) }),
    () => ({ screen: "rule", rule: "daily_spend", threshold: randomInt(2 ** 39) / pick(1, 1000) }),
    () => ({ screen: "settings", set: { setting: randomInt(20), choice: randomInt(20) } }),
    () => ({ screen: "settings", set: { setting: randomInt(20), choice: randomInt(20), sure: randomInt(4096) } }),
    () => ({ screen: "picture", of: "trace", theme: theme(), trace_id: randomTraceId(), back: randomBack() }),
    () => ({ screen: "picture", of: "chart", theme: theme() }),
    () => ({ screen: "export", of: "trace", trace_id: randomTraceId() }),
    () => ({ screen: "export", of: "traces", format: pick("csv", "jsonl") }),
    () => ({ screen: "export", of: "traces", format: pick("csv", "jsonl"), filter: randomFilter() }),
    () => ({ screen: "export", of: "stats", hours: hours() }),
    () => ({ screen: "tests", page: page() }),
    () => ({ screen: "ask", tier: pick("smoke", "release"), mode: pick("live", "replay") }),
    () => ({ screen: "confirm", run_id: randomRun(), ceiling: pick(0, randomInt(2 ** 47)) }),
    () => ({ screen: "stop", run_id: randomRun() }),
    () => ({ screen: "run", run_id: randomRun(), only: pick("all", "failed"), page: page() }),
    () => ({ screen: "result", run_id: randomRun(), position: page(), page: page() }),
    () => ({ screen: "watch", run_id: randomRun(), press: pick("stop", "refresh", "failures", "details") }),
    () => ({ screen: "fixture", trace_id: randomTraceId() }),
  )();

describe("callback data", () => {
  test("looks like this", () => {
    const packed = "AZS8H50AcACAAAAAAAAAAQ";
    const back = { to: "traces", filter: "Zm9vYmFy", first: id(1) } as const;
    expect(encodeAction({ screen: "home" })).toBe("2h");
    expect(encodeAction({ screen: "traces" })).toBe("2l.");
    expect(encodeAction({ screen: "traces", cursor: { direction: "older", trace_id: id(1) } })).toBe(`2l.o${packed}`);
    expect(encodeAction({ screen: "trace", trace_id: id(1), back })).toBe(`2t${packed}lZm9vYmFy${packed}`);
    expect(encodeAction({ screen: "alert", alert_id: 17, act: "mute_24h" })).toBe("2bd17");
    expect(encodeAction({ screen: "settings", set: { setting: 0, choice: 1, sure: 24 } })).toBe("2cAAAB!AY");
    const run_id = "6f1c2a34-9b7d-4e21-8a55-0c9d3e4f5a6b";
    expect(encodeAction({ screen: "tests" })).toBe("2y");
    expect(encodeAction({ screen: "ask", tier: "smoke", mode: "live" })).toBe("2nsl");
    expect(encodeAction({ screen: "confirm", run_id, ceiling: 34_512 })).toBe("2obxwqNJt9TiGKVQydPk9aaw34512");
    expect(encodeAction({ screen: "watch", run_id, press: "stop" })).toBe("2wsbxwqNJt9TiGKVQydPk9aaw");
  });

  test("a button that did not say yet how many days it drops says so of none", () => {
    expect(decodeAction("2cAAAB!")).toEqual({ screen: "settings", set: { setting: 0, choice: 1, sure: 0 } });
    expect(decodeAction("2cAAAB!AA")).toBeNull();
  });

  test("every action comes back, in at most 64 bytes", () => {
    for (let i = 0; i < 20_000; i++) {
      const action = randomAction();
      const data = encodeAction(action);
      expect(Buffer.byteLength(data)).toBeLessThanOrEqual(64);
      expect(decodeAction(data)).toEqual(action);
    }
  });

  test("garbage is null or an action that encodes to the same bytes, never an error", () => {
    for (let i = 0; i < 20_000; i++) {
      const bytes = [...encodeAction(randomAction())];
      // One to four characters changed, dropped or doubled: close enough to be mistaken for data of ours.
      for (let changes = randomInt(1, 5); changes > 0; changes--) {
        bytes.splice(
          randomInt(bytes.length + 1),
          randomInt(2),
          ...["", "l", "t", "-", "é", "=", "7", "."][randomInt(8)]!,
        );
      }
      const data = bytes.join("");
      const action = decodeAction(data);
      if (action) expect(encodeAction(action)).toBe(data);
    }
  });

  test.each([
    "",
    "2",
    "l",
    "1l",
    "1l\n",
    "2l",
    "2l.o",
    "2l.x",
    "2l.c",
    "2l.cs",
    "2l.cz",
    "2toString",
    "2constructor",
    "2b.",
    "2b.1e3",
    "2b.-1",
    "2b.007",
    "2k17",
    "2kx17",
    "2r.",
    "2r.P95",
    "2r.p95=",
    "2r.p95=1e3",
    "2r.p95=007",
    "2cAAAA?",
    "2i",
    "2l.\n",
    `2t${"A".repeat(22)}h`,
    "2n",
    "2nsx",
    "2nlr",
    "2o",
    "2obxwqNJt9TiGKVQydPk9aaw",
    "2obxwqNJt9TiGKVQydPk9aaw007",
    "2obxwqNJt9TiGKVQydPk9aaw-1",
    "2obxwqNJt9TiGKVQydPk9aaw1e3",
    "2obxwqNJt9TiGKVQydPk9aax1",
    "2wxbxwqNJt9TiGKVQydPk9aaw",
    "2jbxwqNJt9TiGKVQydPk9aawa",
    `2f${"A".repeat(22)}`,
    "2yA",
    "2z",
  ])("is nothing of ours: %j", (data) => {
    expect(decodeAction(data)).toBeNull();
  });

  test("data of the first version opens nothing", () => {
    expect(decodeAction("1l")).toBeNull();
    expect(decodeAction("1tAZS8H50AcACAAAAAAAAAAQAZS8H50AcACAAAAAAAAAAQ")).toBeNull();
  });
});
