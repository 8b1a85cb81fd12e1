// Over 300 lines, because it is two tables: what masks must take out, and what they must leave.
import { describe, expect, test } from "vitest";
import { maskDefaults } from "../../tracer/mask.ts";
import { memoryTracer } from "./_support/memory.ts";

/** Characters that no pattern can have been written for. */
const R35 = "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0";
const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
const PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nabc=\n-----END RSA PRIVATE KEY-----";
const json = JSON.stringify;

/** What must go, and what must be left of it. */
const MASKED: [text: string, left: string][] = [
  // Keys and tokens, by their looks.
  ["key sk-proj-Ab3dEf6hIj9kLm2nOp5q, ok", "key [secret], ok"],
  ["sk-or-v1-0123456789abcdef0123456789abcdef", "[secret]"],
  ["sk-ant-api03-AbCdEf_012345-xyz", "[secret]"],
  ["(ghp_abcdefghijklmnopqrstuvwxyz0123456789)", "([secret])"],
  ["github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz", "[secret]"],
  ["glpat-abcDEF123456ghiJKL78", "[secret]"],
  ["xoxb-1234567890-abcdefghijkl", "[secret]"],
  ["AKIAIOSFODNN7EXAMPLE and ASIAIOSFODNN7EXAMPLE", "[secret] and [secret]"],
  ["AIzaSyA1234567890abcdefghijklmnopqrstuv", "[secret]"],
  ["hf_AbCdEfGhIjKlMnOpQrStUvWx", "[secret]"],
  ["sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "[secret]"],
  [`tgk_${"0123456789abcdef".repeat(4)}`, "[secret]"],
  [`123456789:${R35}`, "[secret]"],
  [`https://api.telegram.org/bot123456789:${R35}/getMe`, "https://api.telegram.org/bot[secret]/getMe"],
  [`/bot123456789%3A${R35}/x`, "/bot[secret]/x"],
  [`token is ${JWT}.`, "token is [secret]"],
  [`apikey=${JWT}&x=1`, "apikey=[secret]&x=1"],
  [`see ${PEM} there`, "see [secret] there"],
  [json({ pem: PEM }), '{"pem":"[secret]"}'],
  [PEM.replace("abc=", "DEK-Info: AES-128-CBC,12"), "[secret]"],
  [
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\nlQOYBF\n=ab\n-----END PGP PRIVATE KEY BLOCK----- x",
    "[secret] x",
  ],
  ["SG.abcdefghijKLMNopqrstuv.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefg!", "[secret]!"],
  ["ya29.a0AfH6SMBxyz0123456789abcdef", "[secret]"],
  ["xai-abcdefghij0123456789ABCDEFGH pplx-0123456789abcdef0123456789", "[secret] [secret]"],
  ["dop_v1_0123456789abcdef0123456789abcdef", "[secret]"],
  // Headers.
  ['["x-api-key","abcdef"]', '["x-api-key","[secret]"]'],
  [json([["Authorization", "Bearer abcdef"], ["Accept", "*/*"]]), '[["Authorization","[secret]"],["Accept","*/*"]]'],
  ["Cookie: a=b; session=abcdef\nAccept: */*", "Cookie: a=[secret]\nAccept: */*"],
  ["Set-Cookie: sid=s%3Aabcdef; Path=/", "Set-Cookie: sid=[secret]"],
  [json({ cookie: "a=b; c=d", n: 1 }), '{"cookie":"a=[secret]","n":1}'],
  ['{"set-cookie":["sid=abc; Path=/"]}', '{"set-cookie":["sid=[secret]"]}'],
  ["Authorization: Token abcdef", "Authorization: [secret]"],
  ["Bearer abcdef123456", "Bearer [secret]"],
  ["authorization: Bearer abc.DEF-123", "authorization: [secret]"],
  ["Authorization: Basic dXNlcjpwYXNz", "Authorization: [secret]"],
  ["X-Api-Key: 12345", "X-Api-Key: [secret]"],
  // Key and value.
  ["password=hunter2, user=bob", "password=[secret], user=bob"],
  ["PASSWORD: hunter2\nuser: bob", "PASSWORD: [secret]\nuser: bob"],
  ["TELEGRAM_BOT_TOKEN=abc", "TELEGRAM_BOT_TOKEN=[secret]"],
  ["DB_PASSWORD='pa ss\"word' next", "DB_PASSWORD='[secret]' next"],
  ["client_secret => `x y`", "client_secret => `[secret]`"],
  ['{"password": "p\\"q", "user": "bob"}', '{"password": "[secret]", "user": "bob"}'],
  ['{"apiKey":"abc","n":1}', '{"apiKey":"[secret]","n":1}'],
  ["{'access_token': 'abc'}", "{'access_token': '[secret]'}"],
  ['{"pin":1,"auth_token":42,"n":1}', '{"pin":1,"auth_token":[secret],"n":1}'],
  ["/login?token=abc&page=2", "/login?token=[secret]&page=2"],
  ["passphrase: correct,horse;battery!", "passphrase: [secret]"],
  ['{"secret":"cut off here', '{"secret":"[secret]"'],
  ['{"password":"correcthorse"}', '{"password":"[secret]"}'],
  ["password=correcthorse", "password=[secret]"],
  ["token = abc1, secret: a1b", "token = [secret], secret: [secret]"],
  // URLs.
  ["/maps?q=a&key=abc-D&x=1", "/maps?q=a&key=[secret]&x=1"],
  ["https://a.blob/c?sv=1&sig=ab%2Fc%3D", "https://a.blob/c?sv=1&sig=[secret]"],
  ["https://s3/x?X-Amz-Signature=0aF&token=abc", "https://s3/x?X-Amz-Signature=[secret]&token=[secret]"],
  ["https://hooks.slack.com/services/T00/B00/XXXX ok", "https://hooks.slack.com/services/[secret] ok"],
  ["https://discord.com/api/webhooks/12345/AbC-dE_f", "https://discord.com/api/webhooks/[secret]"],
  ["postgres://bob:s3cr@t@db.host:5432/x", "postgres://[secret]@db.host:5432/x"],
  ["https://ghp@github.com/a/b", "https://[secret]@github.com/a/b"],
  ["redis://:p4ss@localhost", "redis://[secret]@localhost"],
  // E-mail addresses.
  ["write to a.b+c@mail.example.co.uk!", "write to [email]!"],
  ["<o'hara@example.com>", "<o'[email]>"],
  ["иван@почта.рф и jörg@müller.de", "[email] и [email]"],
  ["mailto:x_y%z@a-b.io?subject=1", "mailto:[email]?subject=1"],
  ["CORP\\alice@x.de", "CORP\\[email]"],
  // Phone numbers.
  ["+49 30 1234567", "[phone]"],
  ["call +1 (555) 123-4567 now", "call [phone] now"],
  ["+380501234567,+7 999 123-45-67", "[phone],[phone]"],
  ["tel:+44.20.7946.0958", "tel:[phone]"],
  ['{"phone_number":"491701234567","user_id":5}', '{"phone_number":"[phone]","user_id":5}'],
  ["Phone: 555-123-4567", "Phone: [phone]"],
  // Cards.
  ["4111111111111111", "[card]"],
  ["pay with 4111 1111 1111 1111 please", "pay with [card] please"],
  ["5500-0055-5555-5559", "[card]"],
  ["Amex 3782 822463 10005, 12/27", "Amex [card], 12/27"],
  ["2 4111 1111 1111 1111 123", "2 [card] 123"],
  ["2200 0000 0000 0053", "[card]"],
  // JSON: what stands before a value may be an escape.
  [json({ t: "hi\na.b@example.com\t+491701234567\n4111111111111111" }), '{"t":"hi\\n[email]\\t[phone]\\n[card]"}'],
  [
    json({ t: `\nsk-proj-Ab3dEf6hIj9kLm2nOp5q\r${JWT}\nBearer abcdef123456` }),
    '{"t":"\\n[secret]\\r[secret]\\nBearer [secret]"}',
  ],
  [json(["\u0001ghp_abcdefghijklmnopqrstuvwxyz0123456789"]), '["\\u0001[secret]"]'],
  [
    json({ arguments: json({ password: 'hun"ter2', to: "line\nbob@example.com", ok: true }) }),
    json({ arguments: json({ password: "[secret]", to: "line\n[email]", ok: true }) }),
  ],
  [json(json(json({ token: "abc" }))), json(json(json({ token: "[secret]" })))],
];

/** What only looks a little like it. */
const LEFT = [
  "01936d2e-7b1c-7000-8000-000000000000",
  "trace 01936d2e-7b1c-7411-1111-111111111111 ended",
  "4111111111111112", // no card's checksum
  "order 1234567890123452", // has it, but of no network
  "41111111111111111111", // twenty digits
  "a4111111111111111",
  "0.4111111111111111",
  "1700000000000 1700000000000000",
  "2026-11-22T10:00:00.000+01:00",
  "at 2026-11-22 10:00:00 +0100",
  "chat -1001234567890, user 5000000001, message 12345",
  "UTC+3 2026-11-22 14:00",
  "+3 2026-11-22 14:00",
  "2+12345678901",
  "+1234567",
  "order 555-123-4567",
  "input_tokens: 900, max_tokens=5",
  '{"total_tokens":55,"cached_tokens":3}',
  '{"password":"","token":null,"secret":false}',
  "tokens.map(token => token.x)",
  "tokens.map(token => token.text).join()",
  "function f(token: string, password: string | undefined, secret: Promise<string>) {}",
  "if (token == other) return",
  "const token = getToken(ctx); secret = await load();",
  '{"token":" the","logprob":-0.1,"bytes":[32]}',
  '{"token": "the",\n  "logprob": -0.1}',
  json(json({ token: 'a"b', logprob: -0.1 })),
  "Password: at least 8 characters",
  "authorization: required",
  "access token: expires in 1 hour",
  "Secret: the recipe needs butter",
  '"required":["password","email"]',
  "Cookie: none, cookies: 2",
  "see -----BEGIN PGP PUBLIC KEY BLOCK-----",
  "react@latest.js and me@home.png",
  "git@github.com:ada/engine.git",
  "Microphone: 1234567",
  "the password is required",
  "a secret; no token, no password",
  "secretary: Jane, tokenizer: cl100k",
  "Bearer authentication is required",
  "sk-learn-based-pipeline-for-you",
  "sk-1",
  "task-0123456789ABCDEF0123",
  "hf_hub_download_with_retries",
  "12345:abc",
  "1:2:3 at 10:30",
  "AKIA1234",
  "eyJ.abc",
  "react@18.2.0 and logo@2x.png",
  "@durov, a @ b, a@b",
  "https://t.me/@durov?x=1:2",
  "https://example.com:8080/a/b",
  "see https://example.com/a?b=c#d",
  "The quick brown fox costs 1,234.56",
  "",
];

describe("the built-in masks", () => {
  test.each(MASKED)("take it out of %j", (text, left) => {
    expect(maskDefaults(text)).toBe(left);
  });

  test.each(LEFT)("leave %j as it is", (text) => {
    expect(maskDefaults(text)).toBe(text);
  });

  test.each(MASKED)("do no more the second time: %j", (text, left) => {
    expect(maskDefaults(left)).toBe(left);
    expect(maskDefaults(maskDefaults(text))).toBe(left);
  });

  const MB = 1024 * 1024;
  const nearMisses = [
    ..."a 1 @ + - . : = \\ \" ' é 🦊".split(" "),
    ...["1 ", "1-", "4111 ", "4111-1111-1111-1112 ", "a.", "a@", "a@a.", "@a.1", "\\n", "\\na", "\\\\", '\\"', "\n"],
    ...[
      "sk-",
      "sk-a",
      "-sk-aaaaaaaaaaaaaaa ",
      "ghp_",
      "xoxb-",
      "AKIA",
      "AIza",
      "hf_",
      "tgk_",
      "SG.",
      "SG.aaaaaaaaaaaaaaaA.",
      "cookie:",
      "cookie: a",
      "cookie: a=",
      "?key=",
      "&x-amz-sig",
      "hooks.slack.com/services/",
      'x-api-key",',
      'authorization","value":',
      'token:"a",',
      'token:"",\n',
      "token: a.",
      "token: a,",
      "eyJ",
      "eyJa-",
      "-eyJaaaaaa.",
    ],
    ...["eyJaaaaaa.", "123456:", `123456:${"a".repeat(34)} `, "Bearer ", "Bearer a", "bearer  aaaaaaa "],
    ...[
      "://",
      "://a:",
      "://a@",
      "://a:b:",
      "password",
      "password=",
      'password="',
      "password='\\\"",
      "token:,",
      "token: ",
    ],
    ...['token:\\\\\\"x ', "secret=>", "api key", "+1", "+1 ", "+1(", "phone", "phone: 1", "phone: 1 "],
    ...[
      "-----BEGIN PRIVATE KEY-----",
      "-----BEGIN ",
      "-----END PRIVATE KEY-----",
      "00000000-0000-0000-0000-00000000000 ",
    ],
  ].map((unit) => unit.repeat(Math.ceil(MB / unit.length)));
  const starts = [
    "-----BEGIN PRIVATE KEY-----",
    "sk-",
    "eyJaaaaaa.",
    "://",
    "://a:",
    "token=",
    'token="',
    "a@",
    "+",
    "Bearer ",
    "phone: ",
    "123456:",
    "cookie: a=",
    "?key=",
    "token: ",
    "SG.",
  ];
  const distinctQuotes = Array.from({ length: 1400 }, (_, i) => `password:${"\\".repeat(i)}"`).join("x");

  test.each([
    ...nearMisses,
    ...starts.flatMap((start) => ["a", ",", "1 ", "@"].map((unit) => start + unit.repeat(MB / unit.length))),
    distinctQuotes,
  ].map((text) => [text.slice(0, 40), text] as const))("take linear time for a megabyte of %j", (_, text) => {
    const timed = (part: string) => {
      const start = performance.now();
      maskDefaults(part);
      return performance.now() - start;
    };
    // A pattern that is quadratic in any of these takes minutes.
    expect(timed(text)).toBeLessThan(4000);
  });
});

describe("a tracer", () => {
  const record = async (options: { mask?: (text: string) => string; defaultMasks?: boolean }) => {
    const { tracer, sent } = memoryTracer({ ...options, release: "a@b.com" });
    tracer.trace("a@b.com", (trace) => {
      tracer.step("llm", (step) => {
        step.llm({ request: "mail a@b.com", response: { to: "a@b.com", api_key: "x" } });
        step.fail(new Error("a@b.com bounced"));
      });
      trace.fail(new Error("no a@b.com"));
    });
    return (await sent())[0]!;
  };

  test("masks requests, responses, errors and names unless told otherwise", async () => {
    expect(await record({})).toMatchObject({
      pipeline: "[email]",
      release: "[email]",
      error: "no [email]",
      steps: [{ error: "[email] bounced" }],
      io: [{ request: "mail [email]", response: '{"to":"[email]","api_key":"[secret]"}' }],
    });
  });

  test("gives the author's mask what is left", async () => {
    const seen: string[] = [];
    const trace = await record({ mask: (text) => (seen.push(text), text.replaceAll("[email]", "<mail>")) });
    expect(trace.io![0]!.request).toBe("mail <mail>");
    // Two errors, two texts, and the names: the release and the pipeline are one, and the step.
    expect(seen).toHaveLength(6);
    expect(seen.join()).not.toContain("a@b.com");
  });

  test("masks each name once, of whatever it is, and keeps to the length of a step's", async () => {
    let masked = 0;
    const { tracer, sent } = memoryTracer({
      mask: (text) => {
        masked += 1;
        return text.replace("bob", "[the name of a user]");
      },
    });
    for (let i = 0; i < 300; i++) {
      tracer.trace("chat of bob", () => tracer.step("ask bob", (step) => step.llm({ model: "bob-4" })));
    }
    const traces = await sent();
    expect(traces).toHaveLength(300);
    expect(traces[299]).toMatchObject({
      pipeline: "chat of [the name of a user]",
      steps: [{ name: "ask [the name of a u", model: "[the name of a user]-4" }],
    });
    expect(masked).toBe(3);
    for (let i = 0; i < 1000; i++) tracer.trace(`bob ${i}`, () => {});
    expect((await sent()).map(({ pipeline }) => pipeline).join()).not.toContain("bob");
  });

  test("can do without the built-in ones", async () => {
    expect((await record({ defaultMasks: false })).io![0]!.request).toBe("mail a@b.com");
    expect((await record({ defaultMasks: false, mask: (text) => text.replace("mail", "post") })).io![0]!.request)
      .toBe("post a@b.com");
  });
});
