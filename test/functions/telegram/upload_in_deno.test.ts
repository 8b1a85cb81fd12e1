// Files are made while they are sent: that Deno sends them whole is seen in Deno alone.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { denoProgram } from "../../../scripts/stack/functions.ts";
import { scriptedTelegram } from "./scripted_telegram.ts";

test("pictures and files arrive whole", async () => {
  const { apiRoot, calls } = await scriptedTelegram();
  const program = new URL("upload_in_deno.ts", import.meta.url).pathname;
  const permissions = ["--no-prompt", "--allow-net", "--allow-env", "--allow-read", "--allow-sys"];
  const { stdout } = await promisify(execFile)(denoProgram(), ["run", ...permissions, program, apiRoot]);
  expect(stdout.trim().split("\n")).toEqual(["sent", "edited", "sent"]);

  const bytes = Array.from({ length: 300_000 }, (_, i) => i % 251);
  const [photo, edit, document] = calls.map(({ payload }) => payload);
  expect(calls.map(({ method }) => method)).toEqual(["sendPhoto", "editMessageMedia", "sendDocument"]);
  expect(photo.photo).toEqual({ filename: "picture.png", bytes });
  const media = JSON.parse(edit.media);
  expect(media).toMatchObject({ type: "photo", caption: "<b>p95</b>", parse_mode: "HTML" });
  expect(edit[media.media.replace("attach://", "")]).toEqual({ filename: "picture.png", bytes });
  expect(JSON.parse(edit.reply_markup).inline_keyboard[0][0]).toMatchObject({ text: "🏠", callback_data: "2h" });
  expect(document.document).toEqual({ filename: "a.json", bytes });
});
