import { randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { encodeAction } from "../../../functions/telegram/callback.ts";
import { type Command, parseCommand, type Why } from "../../../functions/telegram/command.ts";
import { HOSTILE_NAMES } from "../../_support/hostile.ts";

const filter = (filter: object): Command => ({ kind: "filter", filter });
const open = (action: object) => ({ kind: "open", action }) as Command;
const usage = (unknown?: string, why?: Why): Command => ({
  kind: "usage",
  ...(unknown !== undefined && { unknown }),
  ...(why && { why }),
});

describe("after /admin", () => {
  test.each<[string, Command]>([
    ["", open({ screen: "home" })],
    ["   \n", open({ screen: "home" })],
    ["home", open({ screen: "home" })],
    ["storage", open({ screen: "storage" })],
    ["tests", open({ screen: "tests" })],
    ["test", open({ screen: "tests" })],
    ["test smoke", open({ screen: "ask", tier: "smoke", mode: "live" })],
    ["Tests RELEASE", open({ screen: "ask", tier: "release", mode: "live" })],
    ["test smoke dry", open({ screen: "ask", tier: "smoke", mode: "replay" })],
    ["test dry release", open({ screen: "ask", tier: "release", mode: "replay" })],
    ["test dry", open({ screen: "ask", tier: "release", mode: "replay" })],
    ["test smoke refund cancel refund", {
      kind: "ask",
      tier: "smoke",
      mode: "live",
      scenarios: ["refund", "cancel"],
    }],
    ['test release dry "smoke" dry', { kind: "ask", tier: "release", mode: "replay", scenarios: ["smoke", "dry"] }],
    // As in a terminal: without a tier the cheap models.
    ["test REFUND Cancel", { kind: "ask", tier: "smoke", mode: "live", scenarios: ["refund", "cancel"] }],
    ["test refund cancel", { kind: "ask", tier: "smoke", mode: "live", scenarios: ["refund", "cancel"] }],
    ["test dry refund", { kind: "ask", tier: "release", mode: "replay", scenarios: ["refund"] }],
    ["test smoke release", usage("release", "twice")],
    ["test dry dry", usage("dry", "twice")],
    ['test smoke ""', usage("")],
    ["settings", open({ screen: "settings" })],
    ["admins", open({ screen: "admins" })],
    ["audit", open({ screen: "audit" })],
    ["help", open({ screen: "help" })],
    ["HELP", open({ screen: "help" })],
    ["alerts", open({ screen: "alerts", all: false })],
    ["alerts all", open({ screen: "alerts", all: true })],
    ["errors", open({ screen: "errors", hours: 24 })],
    ["error", open({ screen: "errors", hours: 24 })],
    ["error 7d", open({ screen: "errors", hours: 168 })],
    ["errors 1h", open({ screen: "errors", hours: 1 })],
    ["stats 7d", open({ screen: "stats", hours: 168 })],
    ["stats 30D", open({ screen: "stats", hours: 720 })],
    ["stats 168h", open({ screen: "stats", hours: 168 })],
    ["trace 0194bc1f", { kind: "find", prefix: "0194bc1f" }],
    ["trace 0194bc1f-9d00-7000-8000-000000000001", { kind: "find", prefix: "0194bc1f-9d00-7000-8000-000000000001" }],
    ["add 42 operator", { kind: "admin", verb: "add", user_id: 42, role: "operator" }],
    ["add Owner 42", { kind: "admin", verb: "add", user_id: 42, role: "owner" }],
    ["add 42", { kind: "admin", verb: "add", user_id: 42 }],
    ["remove 42", { kind: "admin", verb: "remove", user_id: 42 }],
    ["alert p95", open({ screen: "rule", rule: "p95" })],
    ["alert p95 8s", open({ screen: "rule", rule: "p95", threshold: 8000 })],
    ["alert quota off", open({ screen: "rule", rule: "quota", enabled: false })],
    ["alert p95 soon", { kind: "usage", unknown: "soon" }],
    ["alert", { kind: "usage", unknown: "alert" }],
    ["allow", { kind: "admin", verb: "allow" }],
    ["deny", { kind: "admin", verb: "deny" }],
  ])("%j", (text, command) => expect(parseCommand(text)).toEqual(command));

  test.each<[string, object]>([
    ["traces", {}],
    ["traces error support 24h", { status: "error", pipeline: "support", hours: 24 }],
    ["TRACES Error Support 24H", { status: "error", pipeline: "Support", hours: 24 }],
    ["traces errors", { status: "error" }],
    ["traces ok", { status: "ok" }],
    ["traces running", { status: "running" }],
    ["traces lost 7d", { status: "lost", hours: 168 }],
    ["traces 36h", { hours: 36 }],
    ["traces 400d", { hours: 9600 }],
    ["traces all", {}],
    ["traces user 601", { user_id: 601 }],
    ["traces chat -1001234567890", { chat_id: -1001234567890 }],
    ["user 601", { user_id: 601 }],
    ["user 601 error 1h", { user_id: 601, status: "error", hours: 1 }],
    ["chat -5 slowest", { chat_id: -5, order: "slowest" }],
    ["traces >2s", { min_duration_ms: 2000 }],
    ["traces >=1.5s", { min_duration_ms: 1500 }],
    ["traces ≥500ms", { min_duration_ms: 500 }],
    ["traces >1m", { min_duration_ms: 60_000 }],
    ["traces release 1.4.2", { release: "1.4.2" }],
    ["slowest", { order: "slowest" }],
    ["dearest support 7d", { order: "dearest", pipeline: "support", hours: 168 }],
    ["traces newest", { order: "newest" }],
    ['traces "429 from the api"', { error: "429 from the api" }],
    ["traces “429 from the api”", { error: "429 from the api" }],
    ["traces «429 from the api»", { error: "429 from the api" }],
    ['traces "unclosed text', { error: "unclosed text" }],
    ['traces support "429"', { pipeline: "support", error: "429" }],
    ['traces "error"', { pipeline: "error" }],
    ['traces error "error"', { status: "error", pipeline: "error" }],
    ['traces pipeline "two words"', { pipeline: "two words" }],
    ["traces pipeline user", { pipeline: "user" }],
    ["traces /start", { pipeline: "/start" }],
    ["traces message:photo", { pipeline: "message:photo" }],
    ["traces поддержка", { pipeline: "поддержка" }],
  ])("%j lists", (text, of) => expect(parseCommand(text)).toEqual(filter(of)));

  test.each<[string, string | undefined, Why?]>([
    ["tarces", "tarces"],
    ['"traces"', "traces"],
    ["<b>bold", "<b>bold"],
    ["home now", "now"],
    ["trace", undefined],
    ["trace a b", "b"],
    ["errors 2h", "2h", "window"],
    ["errors 24h support", "support"],
    ["stats yesterday", "yesterday", "window"],
    ["stats 2h", "2h", "window"],
    ["stats 24h 7d", "7d"],
    ["error support", "support", "window"],
    ["alerts open", "open"],
    ["alerts all of", "of"],
    ["traces support refund", "refund", "twice"],
    ["traces ok error", "error", "twice"],
    ["traces error lost", "lost", "twice"],
    ["traces 24h 7d", "7d", "twice"],
    ["traces 0h", "0h"],
    ["traces 24x", "24x"],
    ["traces 999999d", "999999d"],
    ["traces >2", ">2"],
    ["traces <2s", "<2s"],
    ["traces >0ms", ">0ms"],
    ["traces user bob", "bob", "id"],
    ["user abc", "abc", "id"],
    ["user 601 chat", "chat", "id"],
    ["user 601 user 602", "user", "twice"],
    ["traces user 99999999999999999", "99999999999999999", "id"],
    ["traces user", "user", "id"],
    ["traces release", "release"],
    [`traces ${"x".repeat(201)}`, "x".repeat(201)],
    ['traces ""', ""],
    ["add", "add", "id"],
    ["add owner", "add", "id"],
    ["add 1 king", "king"],
    ["add 42 owner viewer", "viewer", "twice"],
    ["add bob", "bob", "id"],
    ["add -5", "-5", "id"],
    ["add 1 2", "2", "twice"],
    ["remove 42 owner", "owner"],
    ["allow 5", "5"],
  ])("%j is not understood", (text, unknown, why) => expect(parseCommand(text)).toEqual(usage(unknown, why)));
});

describe("whatever is written", () => {
  const WORDS = [
    ...[
      "traces",
      "error",
      "user",
      "chat",
      "release",
      "pipeline",
      "all",
      "trace",
      "add",
      "owner",
      "42",
      "-7",
      "24h",
      ">2s",
    ],
    ...['"', "“", "»", "«x", " ", "\n", "\0", "\uD83D", "…", "toString", "__proto__", "constructor"],
    ...HOSTILE_NAMES,
  ];

  test("is a command or is not understood, and every filter is one that the database takes", () => {
    for (let i = 0; i < 5000; i++) {
      const text = Array.from({ length: randomInt(8) }, () => WORDS[randomInt(WORDS.length)]).join(
        randomInt(5) ? " " : "",
      );
      const command = parseCommand(text);
      if (command.kind === "open") encodeAction(command.action);
      if (command.kind !== "filter") continue;
      for (const [key, value] of Object.entries(command.filter)) {
        if (typeof value === "number") expect(Number.isSafeInteger(value), key).toBe(true);
        else expect([...value].length, `${key} of ${JSON.stringify(text)}`).toBeGreaterThan(0);
        expect(JSON.stringify(value)).not.toMatch(/\\u0000|\\ud[89a-f]/i);
      }
    }
  });

  test("a megabyte takes no time", () => {
    for (const unit of ["x", "x ", '"', "“x” ", "\0", "a\u0300", ">", "«"]) {
      const started = performance.now();
      parseCommand(`traces ${unit.repeat(1_000_000 / unit.length)}`);
      expect(performance.now() - started, JSON.stringify(unit)).toBeLessThan(50);
    }
  });
});
