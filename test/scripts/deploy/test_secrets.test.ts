/** What pays for the calls of tests becomes a secret of the project, and is shown to nobody. */
import { expect, test } from "vitest";
import { Redactor } from "../../../scripts/deploy/redact.ts";
import { readSettings } from "../../../scripts/deploy/settings.ts";
import { testSecrets } from "../../../scripts/deploy/test_secrets.ts";

const PROJECT = {
  SUPABASE_PROJECT_REF: "abcdefghijklmnopqrst",
  SUPABASE_ACCESS_TOKEN: `sbp_${"a".repeat(40)}`,
  SUPABASE_DB_PASSWORD: "hunter2hunter2",
  TELEGRAM_BOT_TOKEN: "7001:AAtest-token_of-the-deployment",
  TELEGRAM_WEBHOOK_SECRET: "a-webhook-secret",
  TELEGRAM_ADMIN_IDS: "1001",
};
const KEY = "sk-or-v1-0123456789abcdef";

test("without a key nothing is set, and it is said why", async () => {
  const { secrets, unpaid } = await readSettings(
    { ...PROJECT, OPENROUTER_BASE_URL: "https://llm.example.com/v1" },
    new Redactor(),
  );
  expect(unpaid).toMatch(/^OPENROUTER_API_KEY is missing/);
  expect(Object.keys(secrets).filter((name) => name.startsWith("OPENROUTER"))).toEqual([]);
});

test("a key is a secret, and never shown", async () => {
  const redactor = new Redactor();
  const { secrets, unpaid } = await readSettings({ ...PROJECT, OPENROUTER_API_KEY: ` ${KEY} ` }, redactor);
  expect([secrets["OPENROUTER_API_KEY"], unpaid]).toEqual([KEY, null]);
  expect("OPENROUTER_BASE_URL" in secrets).toBe(false);
  expect(redactor.redact(`it is ${KEY}`)).toBe("it is [OPENROUTER_API_KEY]");
});

test("an address of one's own goes with it, and not in clear", async () => {
  const env = { ...PROJECT, OPENROUTER_API_KEY: KEY };
  const { secrets } = await readSettings({ ...env, OPENROUTER_BASE_URL: "https://llm.example.com/v1" }, new Redactor());
  expect(secrets["OPENROUTER_BASE_URL"]).toBe("https://llm.example.com/v1");
  for (const OPENROUTER_BASE_URL of ["http://llm.example.com/v1", "ftp://llm.example.com"]) {
    await expect(readSettings({ ...env, OPENROUTER_BASE_URL }, new Redactor())).rejects.toThrow(
      "OPENROUTER_BASE_URL is not an https address",
    );
  }
});

test("a key that a file of secrets cannot hold", async () => {
  await expect(readSettings({ ...PROJECT, OPENROUTER_API_KEY: "a'b" }, new Redactor())).rejects.toThrow(
    "has a quote or a line break",
  );
});

test("whatever a bot reads to pay; but not what Supabase sets itself, or what was of no use", async () => {
  const env = { A_KEY: "a", SUPABASE_URL: "https://x.supabase.co", EMPTY: " " };
  const asked: (string | undefined)[] = [];
  const provider = (get: (name: string) => string | undefined) => {
    asked.push(get("A_KEY"), get("SUPABASE_URL"), get("EMPTY"), get("MISSING"));
    return { baseUrl: "https://llm.example.com", apiKey: "a" };
  };
  expect(await testSecrets(env, { provider })).toEqual({ secrets: { A_KEY: "a" }, unpaid: null });
  expect(asked).toEqual(["a", "https://x.supabase.co", undefined, undefined]);
  const broken = (get: (name: string) => string | undefined) => {
    get("A_KEY");
    throw new Error("no B_KEY");
  };
  expect(await testSecrets(env, { provider: broken })).toEqual({ secrets: {}, unpaid: "no B_KEY" });
});

test("a bot.ts that cannot be loaded keeps nobody from a deployment", async () => {
  const broken = {
    get provider(): never {
      throw new Error("no such module");
    },
  };
  expect(await testSecrets({}, broken)).toEqual({ secrets: {}, unpaid: "no such module" });
});
