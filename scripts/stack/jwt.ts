/** API keys as Supabase makes them: HS256 tokens that name a role. */
import { createHmac, timingSafeEqual } from "node:crypto";

const TEN_YEARS_S = 10 * 365 * 86_400;

export function signKey(role: "anon" | "service_role", secret: string): string {
  const issued = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${
    part({ iss: "supabase-demo", role, iat: issued, exp: issued + TEN_YEARS_S })
  }`;
  return `${signed}.${signature(signed, secret)}`;
}

/** True for a token of this secret that has not expired. */
export function isValidKey(token: string, secret: string): boolean {
  const [header, payload, given, ...more] = token.split(".");
  if (!header || !payload || !given || more.length > 0) return false;
  const expected = Buffer.from(signature(`${header}.${payload}`, secret));
  const actual = Buffer.from(given);
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) return false;
  try {
    const { exp } = JSON.parse(Buffer.from(payload, "base64url").toString()) as { exp?: number };
    return exp === undefined || exp > Date.now() / 1000;
  } catch {
    return false;
  }
}

const signature = (signed: string, secret: string) => createHmac("sha256", secret).update(signed).digest("base64url");
