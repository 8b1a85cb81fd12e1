import { expect, test } from "vitest";
import { Redactor } from "../../../scripts/deploy/redact.ts";

const PASSWORD = "p$s'w(o\"r+d)%2F \\";

test("a secret is shown as its name, however it is written", () => {
  const redactor = new Redactor();
  expect(redactor.add("PASSWORD", PASSWORD)).toBe(PASSWORD);
  const forms = [
    PASSWORD,
    JSON.stringify(PASSWORD).slice(1, -1),
    JSON.stringify(JSON.stringify(PASSWORD)).slice(3, -3),
    encodeURIComponent(PASSWORD),
    encodeURI(PASSWORD),
    Buffer.from(PASSWORD).toString("base64"),
    Buffer.from(PASSWORD).toString("base64url"),
  ];
  for (const form of forms) expect(redactor.redact(`<${form}>\n<${form}>`)).toBe("<[PASSWORD]>\n<[PASSWORD]>");
});

test("of two secrets, one a part of the other, nothing is left over", () => {
  const redactor = new Redactor();
  redactor.add("PASSWORD", "secret");
  redactor.add("URL", "postgresql://me:secret@host/db");
  expect(redactor.redact("at postgresql://me:secret@host/db with secret.")).toBe("at [URL] with [PASSWORD].");
});

test("a short one goes too; none changes nothing", () => {
  const redactor = new Redactor();
  expect(redactor.redact("a.b")).toBe("a.b");
  redactor.add("X", ".");
  expect(redactor.redact("a.b")).toBe("a[X]b");
});
