/**
 * Methods for pictures and documents: `sendPhoto`, `sendDocument`, `getFile`, `editMessageMedia`, `editMessageCaption`.
 *
 * @module
 */
import { badRequest } from "../errors.ts";
import { readInlineKeyboard } from "../markup.ts";
import { flag, json, type Params, text } from "../params.ts";
import { SAMPLE_PICTURE, SAMPLE_SIZE } from "../sample.ts";
import type { Message } from "../types.ts";
import type { Call, Method } from "../world.ts";
import { captionFields, contentOf, edit, messageToEdit, send } from "./posting.ts";

type Kind = "document" | "photo";

const sending = (kind: Kind): Method => async ({ world, bot, params }) => {
  const caption = captionFields(params);
  // What cannot be sent is not kept.
  world.chats.forBot(bot, text(params, "chat_id"));
  const media = await readFile({ world, params }, kind, text(params, kind), kind);
  if (!media) throw badRequest(`there is no ${kind} in the request`);
  return send({ world, bot, params }, { ...media, ...caption, ...(kind === "photo" && spoiler(params)) });
};

export const sendDocument = sending("document");
export const sendPhoto = sending("photo");

/** Puts a picture or a document in the place of whatever the message was. Its caption is the new one, or none. */
export const editMessageMedia: Method = async ({ world, bot, params }) => {
  const markup = readInlineKeyboard(params);
  const content = await readInputMedia({ world, params });
  return edit({ world, bot }, messageToEdit({ world, bot, params }), content, markup);
};

export const getFile: Method = ({ world, params }) => world.files.file(text(params, "file_id"));

export const editMessageCaption: Method = ({ world, bot, params }) => {
  const markup = readInlineKeyboard(params);
  const caption = captionFields(params);
  const target = messageToEdit({ world, bot, params });
  const { caption: _, caption_entities: __, show_caption_above_media: ___, ...content } = contentOf(target.message);
  if (!content.photo && !content.document) throw badRequest("there is no caption in the message to edit");
  return edit({ world, bot }, target, { ...content, ...caption }, markup);
};

async function readInputMedia({ world, params }: Pick<Call, "world" | "params">): Promise<Partial<Message>> {
  if (text(params, "media") === "") throw badRequest('parameter "media" is required');
  const input = json(params, "media", "can't parse input media JSON object");
  const refuse = (complaint: string) => badRequest(`can't parse InputMedia: ${complaint}`);
  if (typeof input !== "object" || input === null || Array.isArray(input)) throw refuse("expected an Object");
  // An InputMedia has the parameters of the method that would send it.
  const own: Params = {
    values: new Map(
      Object.entries(input).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    ),
    files: params.files,
  };
  const caption = captionFields(own);
  const given = text(own, "media");
  if (given === "" || (given.startsWith("attach://") && !attached(params, given))) throw refuse("media not found");
  const kind = text(own, "type");
  if (kind === "") throw refuse('Can\'t find field "type"');
  if (kind !== "photo" && kind !== "document") throw refuse(`type "${kind}" is unsupported`);
  const media = await readFile({ world, params }, kind, given);
  return { ...media, ...caption, ...(kind === "photo" && spoiler(own)) };
}

const attached = ({ files }: Params, name: string): File | undefined => files.get(name.slice("attach://".length));

const spoiler = (params: Params): Partial<Message> => flag(params, "has_spoiler") ? { has_media_spoiler: true } : {};

/** By `attach://<name>`, by the id of one that is known, a picture by its address, or else as the upload `field`; undefined for none of these. */
async function readFile(
  { world, params }: Pick<Call, "world" | "params">,
  kind: Kind,
  given: string,
  field = "",
): Promise<Pick<Message, Kind> | undefined> {
  const file = given.startsWith("attach://") ? attached(params, given) : params.files.get(field);
  if (!file && given === "") return undefined;
  // Telegram gets it from there. Nothing here asks anybody: it is a picture, whichever.
  if (!file && kind === "photo" && URL.canParse(given) && /^https?:/i.test(given)) {
    return { photo: world.files.receivePhoto(SAMPLE_SIZE, SAMPLE_PICTURE) };
  }
  return kind === "photo"
    ? { photo: file ? await world.files.addPhoto(file) : world.files.photo(given) }
    : { document: file ? await world.files.add(file) : world.files.document(given) };
}
