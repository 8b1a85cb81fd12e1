import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { isValidKey, signKey } from "../../../scripts/stack/jwt.ts";

const SECRET = "a secret of the tests";
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const sign = (text: string) => createHmac("sha256", SECRET).update(text).digest("base64url");
const token = (payload: unknown, header: unknown = { alg: "HS256", typ: "JWT" }) => {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${sign(signed)}`;
};
const now = Math.floor(Date.now() / 1000);

test("a key names its role and lasts for years", () => {
  const [, payload] = signKey("service_role", SECRET).split(".");
  const claims = JSON.parse(Buffer.from(payload!, "base64url").toString());
  expect(claims.role).toBe("service_role");
  expect(claims.exp - claims.iat).toBeGreaterThan(5 * 365 * 86_400);
});

test.each([
  ["our own", signKey("anon", SECRET)],
  ["one that expires", token({ role: "anon", exp: now + 60 })],
  ["one that never expires", token({ role: "anon" })],
])("valid: %s", (_, key) => {
  expect(isValidKey(key, SECRET)).toBe(true);
});

const [header, payload, signature] = signKey("anon", SECRET).split(".") as [string, string, string];
test.each([
  ["of another secret", signKey("service_role", "another")],
  ["expired", token({ role: "anon", exp: now - 1 })],
  ["with another role put in", `${header}.${encode({ role: "service_role" })}.${signature}`],
  ["without a signature", `${header}.${payload}.`],
  ["cut short", `${header}.${payload}.${signature.slice(0, -1)}`],
  ["unsigned, and says so", `${encode({ alg: "none" })}.${payload}.`],
  ["with a part too many", `${header}.${payload}.${signature}.x`],
  ["signed, but of no object", token(null)],
  ["signed, but not JSON", `${header}.e30x.${sign(`${header}.e30x`)}`],
  ["empty", ""],
  ["a word", "key"],
])("not valid: %s", (_, key) => {
  expect(isValidKey(key, SECRET)).toBe(false);
});
