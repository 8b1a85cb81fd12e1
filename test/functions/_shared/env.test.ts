import { describe, expect, test, vi } from "vitest";
import { EnvError, type EnvReader, readEnv, whenConfigured } from "../../../functions/_shared/env.ts";

const from = (variables: Record<string, string>) => (name: string) => variables[name];

const read = (env: EnvReader) => ({
  url: env.url("URL"),
  root: env.url("ROOT", "https://api.telegram.org"),
  token: env.text("TOKEN", { pattern: /^\d+:\w+$/, form: "a bot token" }),
  ids: env.ids("IDS"),
  username: env.optional("USERNAME"),
});

describe("readEnv", () => {
  test("reads each kind", () => {
    const get = from({ URL: "http://127.0.0.1:54321/", TOKEN: " 12:ab ", IDS: "1001, 7123456789", USERNAME: "" });
    expect(readEnv(get, read)).toEqual({
      url: "http://127.0.0.1:54321",
      root: "https://api.telegram.org",
      token: "12:ab",
      ids: [1001, 7123456789],
      username: undefined,
    });
  });

  test("names everything that is missing or wrong at once, and no value", () => {
    const get = from({ ROOT: "ftp://x", TOKEN: "hunter2", IDS: "1,two" });
    expect(() => readEnv(get, read)).toThrow(
      new EnvError([
        "URL is missing: an http or https address",
        "ROOT is not an http or https address",
        "TOKEN is not a bot token",
        "IDS is not whole numbers above 0, comma-separated",
      ]),
    );
  });

  test.each(["0", "-1", "1.5", "1,", "1e3", "9007199254740993"])("ids are not %j", (ids) => {
    expect(() => readEnv(from({ IDS: ids }), (env) => env.ids("IDS"))).toThrow(EnvError);
  });
});

describe("whenConfigured", () => {
  test("hands on the handler of a sound environment", async () => {
    const handler = whenConfigured(() => () => Promise.resolve(new Response("ok")));
    expect(await (await handler(new Request("http://x"))).text()).toBe("ok");
  });

  test("answers 503 on a broken one: the log says what is wrong, the caller learns nothing", async () => {
    const log = vi.fn();
    const handler = whenConfigured(() => {
      const key = readEnv(from({}), (env) => env.text("K"));
      return () => Promise.resolve(new Response(key));
    }, log);
    const res = await handler(new Request("http://x"));
    expect([res.status, await res.json()]).toEqual([
      503,
      { code: "not_configured", message: "This function is not configured yet." },
    ]);
    expect(log.mock.calls).toEqual([[
      "Set these environment variables, then deploy again:\n- K is missing: a string",
    ]]);
  });

  test("does not hide other errors", () => {
    expect(() =>
      whenConfigured(() => {
        throw new TypeError("a mistake");
      })
    ).toThrow("a mistake");
  });
});
