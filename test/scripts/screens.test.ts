import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { findExamples } from "../../scripts/screens/examples.ts";
import { showReply } from "../../scripts/screens/message.ts";
import { screensPage } from "../../scripts/screens/page.ts";
import { renderUsage } from "../../functions/telegram/render/usage.ts";
import { png } from "../functions/synthetic/telegram/pictures.ts";

const examples = await findExamples();

test.each(examples.flatMap(({ name, examples }) => examples.map(({ title, reply }) => [name, title, reply] as const)))(
  "Telegram takes %s: %s",
  async (_, __, reply) => {
    for (const { refusal, message } of await showReply(reply)) {
      expect(refusal).toBeUndefined();
      expect(message).toBeDefined();
    }
  },
);

test("every form of a reply is shown", async () => {
  const screen = renderUsage();
  const rich = { html: "<h1>Tracegram</h1>", chars: 9 };
  expect(await showReply({ ...screen, rich })).toMatchObject([{ form: "text", message: {} }, {
    form: "rich",
    size: "9 characters",
    message: { rich_message: { blocks: [{ type: "heading" }] } },
  }]);
  expect(await showReply({ ...screen, png: png(9, 9) })).toMatchObject([{
    form: "picture",
    message: { photo: [{ width: 9 }] },
    data: expect.stringMatching(/^data:image\/png;base64,/),
  }]);
  async function* content() {
    yield new TextEncoder().encode("a,b");
  }
  expect(await showReply({ name: "export", filename: "t.csv", caption: "all", content })).toMatchObject([{
    form: "file",
    size: "3 bytes",
    message: { document: { file_name: "t.csv" }, caption: "all" },
  }]);
});

test("what Telegram would refuse says so", async () => {
  expect(await showReply({ ...renderUsage(), html: "<b>" }))
    .toMatchObject([{ refusal: expect.stringContaining("can't parse entities") }]);
});

test("no example can end the script that it is in", () => {
  const page = screensPage([{ renderer: "a", title: "</script><script>", id: "a", shown: [] }]);
  expect(page.match(/<\/script>/g)).toHaveLength(1);
});

test("npm run screens writes one page of all of them", async () => {
  const folder = mkdtempSync(join(tmpdir(), "screens-"));
  const out = join(folder, "deep", "index.html");
  const args = [...process.execArgv, "--import", "tsx", "scripts/screens.ts", "--out", out];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toMatch(/^\d+ screens: file:/);
  const page = readFileSync(out, "utf8");
  for (const { name } of examples) expect(page).toContain(`"renderer":"${name}"`);
  rmSync(folder, { recursive: true });
});
