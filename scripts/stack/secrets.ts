/**
 * The secrets of a local stack, made at its first start.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { signKey } from "./jwt.ts";
import type { Cluster } from "./postgres.ts";

export interface Secrets {
  jwt_secret: string;
  anon_key: string;
  service_role_key: string;
  webhook_secret: string;
  admin_bot_token: string;
  example_bot_token: string;
}

/** Those in `file`, made and written there when there is none. */
export function readSecrets(file: string): Secrets {
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Secrets;
  const random = () => randomBytes(24).toString("base64url");
  const jwt_secret = random();
  const secrets: Secrets = {
    jwt_secret,
    anon_key: signKey("anon", jwt_secret),
    service_role_key: signKey("service_role", jwt_secret),
    webhook_secret: random(),
    admin_bot_token: `7001:${random()}`,
    example_bot_token: `7002:${random()}`,
  };
  writeFileSync(file, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  return secrets;
}

/** The key that the example bot sends traces with. Only its hash is in the database, so it is kept in a file. */
export async function ensureIngestKey(cluster: Cluster, file: string): Promise<string> {
  const db = cluster.client("postgres");
  await db.connect();
  try {
    const kept = existsSync(file) ? readFileSync(file, "utf8") : "";
    const { rows: [known] } = await db.query(
      "select from tracegram.find_key($1, now()) as k where k.key_id is not null",
      [kept],
    );
    if (known) return kept;
    const { rows } = await db.query("select public.create_ingest_key($1) as key", [
      `local ${new Date().toISOString()}`,
    ]);
    writeFileSync(file, rows[0].key, { mode: 0o600 });
    return rows[0].key;
  } finally {
    await db.end();
  }
}
