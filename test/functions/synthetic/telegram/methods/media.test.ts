import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { serve } from "../../../../../scripts/stack/serve.ts";
import { ADA, badRequest, CHAT, keyboard, setUp, TOKEN } from "../_support.ts";
import { jpeg, png } from "../pictures.ts";

type Fields = Record<string, string | File>;

const PNG = new File([png(40, 30)], "chart.png", { type: "image/png" });
const TEXT = new File(["traces"], "t.txt", { type: "text/plain" });

async function call(set: ReturnType<typeof setUp>, method: string, fields: Fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries({ chat_id: String(ADA.id), ...fields })) body.append(name, value);
  const request = new Request(`http://t/bot${TOKEN}/${method}`, { method: "POST", body });
  return await (await set.telegram.handle(request)).json();
}

describe("sendDocument", () => {
  test("keeps the file, also one attached by name, and sends it again by its id", async () => {
    const set = setUp();
    const sent = await call(set, "sendDocument", { document: TEXT, caption: "<b>all</b>", parse_mode: "HTML" });
    expect(sent.result).toMatchObject({
      document: { file_name: "t.txt", mime_type: "text/plain", file_size: 6 },
      caption: "all",
      caption_entities: [{ type: "bold" }],
    });
    const { file_id } = sent.result.document;
    expect(new TextDecoder().decode(set.client.file(file_id)?.content)).toBe("traces");
    const attached = await call(set, "sendDocument", { document: "attach://up", up: TEXT });
    expect(attached.result.document.file_size).toBe(6);
    expect((await call(set, "sendDocument", { document: file_id })).result.document.file_id).toBe(file_id);
  });

  test.each<[Fields, object]>([
    [{}, badRequest("there is no document in the request")],
    [{ document: "nope" }, badRequest("wrong file identifier/HTTP URL specified")],
    [{ document: new File([], "a") }, badRequest("file must be non-empty")],
    [{ document: TEXT, caption: "a".repeat(1025) }, badRequest("message caption is too long")],
    [
      { document: new File([new Uint8Array(50_000_001)], "a") },
      { ok: false, error_code: 413, description: "Request Entity Too Large" },
    ],
  ])("refuses %j", async (fields, refusal) => expect(await call(setUp(), "sendDocument", fields)).toEqual(refusal));

  test("takes an upload whose length nobody knows before its end", async () => {
    const set = setUp();
    const server = await serve(set.telegram.handle, { port: 0 });
    async function* upload() {
      yield `--b\r\ncontent-disposition: form-data; name="chat_id"\r\n\r\n${ADA.id}\r\n`;
      yield '--b\r\ncontent-disposition: form-data; name="document"; filename="ü.csv"\r\ncontent-type: text/csv\r\n\r\n';
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        yield `row ${i}\n`;
      }
      yield "\r\n--b--\r\n";
    }
    const response = await fetch(`${server.url}/bot${TOKEN}/sendDocument`, {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=b" },
      body: Readable.toWeb(Readable.from(upload())),
      duplex: "half",
    } as RequestInit);
    const { result } = await response.json();
    await server.close();
    expect(result.document).toMatchObject({ file_name: "ü.csv", mime_type: "text/csv", file_size: 18 });
  });
});

describe("sendPhoto", () => {
  test("offers the picture in its sizes, and sends it again by the id of any", async () => {
    const set = setUp();
    const { result } = await call(set, "sendPhoto", { photo: PNG, caption: "<i>p95</i>", parse_mode: "HTML" });
    expect(result).toMatchObject({
      photo: [{ width: 40, height: 30, file_size: PNG.size }],
      caption: "p95",
      caption_entities: [{ type: "italic" }],
    });
    expect(result).not.toHaveProperty("text");
    const [{ file_id }] = result.photo;
    expect(set.client.file(file_id)).toMatchObject({ name: "chart.png", image: "image/png" });
    expect((await call(set, "sendPhoto", { photo: file_id })).result.photo).toEqual(result.photo);
    const spoiler = await call(set, "sendPhoto", { photo: "attach://a", a: PNG, has_spoiler: "true" });
    expect(spoiler.result.has_media_spoiler).toBe(true);
  });

  test.each<[Fields, string]>([
    [{}, "there is no photo in the request"],
    [{ photo: "nope" }, "wrong file identifier/HTTP URL specified"],
    [{ photo: TEXT }, "IMAGE_PROCESS_FAILED"],
    [{ photo: new File([png(40, 30).slice(0, -20)], "a.png") }, "IMAGE_PROCESS_FAILED"],
    [{ photo: new File([jpeg(9_000, 1_001)], "a.jpg") }, "PHOTO_INVALID_DIMENSIONS"],
    [{ photo: PNG, caption: "a".repeat(1025) }, "message caption is too long"],
    [
      { photo: PNG, caption: "<b>", parse_mode: "HTML" },
      "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
    ],
  ])("refuses %j", async (fields, complaint) => {
    const set = setUp();
    expect(await call(set, "sendPhoto", fields)).toEqual(badRequest(complaint));
    expect(set.client.chat(CHAT).messages).toHaveLength(1);
  });

  test("a document is no photo, nor the other way round", async () => {
    const set = setUp();
    const { result: { document } } = await call(set, "sendDocument", { document: TEXT });
    const { result: { photo } } = await call(set, "sendPhoto", { photo: PNG });
    expect(await call(set, "sendPhoto", { photo: document.file_id }))
      .toEqual(badRequest("can't use file of type Document as Photo"));
    expect(await call(set, "sendDocument", { document: photo[0].file_id }))
      .toEqual(badRequest("can't use file of type Photo as Document"));
  });
});

describe("editMessageMedia", () => {
  const media = (change: object = {}) => JSON.stringify({ type: "photo", media: "attach://pic", ...change });

  test("puts a picture in the place of a text, of a rich message and of a picture", async () => {
    const set = setUp();
    await set.say("<b>text</b>", { parse_mode: "HTML", reply_markup: keyboard("A") });
    await set.api("sendRichMessage", { chat_id: ADA.id, rich_message: { html: "<p>rich</p>" } });
    await call(set, "sendPhoto", { photo: PNG, caption: "old" });
    set.clock.now += 5_000;
    for (const message_id of ["2", "3", "4"]) {
      const { result } = await call(set, "editMessageMedia", {
        message_id,
        media: media({ caption: "<b>new</b>", parse_mode: "HTML" }),
        pic: new File([jpeg(20, 10)], "b.jpg"),
        reply_markup: JSON.stringify(keyboard("B")),
      });
      expect(Object.keys(result).sort()).toEqual(
        ["caption", "caption_entities", "chat", "date", "edit_date", "from", "message_id", "photo", "reply_markup"],
      );
      expect(result).toMatchObject({ photo: [{ width: 20 }], caption: "new", reply_markup: keyboard("B") });
    }
  });

  test("a caption and a keyboard that are not sent again are gone", async () => {
    const set = setUp();
    const fields = { photo: PNG, caption: "a", reply_markup: JSON.stringify(keyboard("A")) };
    const { result: { photo } } = await call(set, "sendPhoto", fields);
    const edited = await call(set, "editMessageMedia", { message_id: "2", media: media({ media: photo[0].file_id }) });
    expect(edited.result).not.toHaveProperty("caption");
    expect(edited.result).not.toHaveProperty("reply_markup");
    expect(await call(set, "editMessageMedia", { message_id: "2", media: media({ media: photo[0].file_id }) }))
      .toMatchObject({ error_code: 400, description: expect.stringContaining("message is not modified") });
  });

  test("there is no way back to a text", async () => {
    const set = setUp();
    await call(set, "sendPhoto", { photo: PNG });
    const target = { chat_id: ADA.id, message_id: 2 };
    for (const content of [{ text: "x" }, { rich_message: { html: "<p>x</p>" } }]) {
      expect(await set.api("editMessageText", { ...target, ...content }))
        .toEqual(badRequest("there is no text in the message to edit"));
    }
  });

  test.each<[Fields, string]>([
    [{}, 'parameter "media" is required'],
    [{ media: "/a.png" }, "can't parse input media JSON object"],
    [{ media: "[]" }, "can't parse InputMedia: expected an Object"],
    [{ media: media() }, "can't parse InputMedia: media not found"],
    [{ media: '{"type":"photo"}' }, "can't parse InputMedia: media not found"],
    [{ media: '{"media":"attach://pic"}', pic: PNG }, "can't parse InputMedia: Can't find field \"type\""],
    [{ media: media({ type: "poll" }), pic: PNG }, 'can\'t parse InputMedia: type "poll" is unsupported'],
    [{ media: media(), pic: TEXT }, "IMAGE_PROCESS_FAILED"],
    [{ media: media({ media: "nope" }) }, "wrong file identifier/HTTP URL specified"],
    [{ media: media(), pic: PNG, message_id: "9" }, "message to edit not found"],
    [{ media: media(), pic: PNG, message_id: "1" }, "message can't be edited"],
  ])("refuses %j", async (fields, complaint) => {
    const set = setUp();
    await set.say("text");
    expect(await call(set, "editMessageMedia", { message_id: "2", ...fields })).toEqual(badRequest(complaint));
  });
});

describe("editMessageCaption", () => {
  test("changes the caption and leaves the picture", async () => {
    const set = setUp();
    const { result: { photo } } = await call(set, "sendPhoto", { photo: PNG, caption: "a" });
    const edit = (params: object) => set.api("editMessageCaption", { chat_id: ADA.id, message_id: 2, ...params });
    const edited = await edit({ caption: "<b>b</b>", parse_mode: "HTML", reply_markup: keyboard("A") });
    expect(edited.result).toMatchObject({ photo, caption: "b", reply_markup: keyboard("A") });
    expect((await edit({})).result).not.toHaveProperty("caption");
    expect(await edit({ caption: "a".repeat(1025) })).toEqual(badRequest("message caption is too long"));
  });

  test("a text has none", async () => {
    const set = setUp();
    await set.say("text");
    expect(await set.api("editMessageCaption", { chat_id: ADA.id, message_id: 2, caption: "a" }))
      .toEqual(badRequest("there is no caption in the message to edit"));
  });
});
