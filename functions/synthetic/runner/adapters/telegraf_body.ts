/**
 * The bodies of Telegraf's calls: JSON, or a form where files are sent. What Telegraf leaves out, is left out here.
 *
 * @module
 */
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";

/** A file as Telegraf takes it. */
interface Media {
  /** Bytes, a stream, or a path. */
  source?: unknown;
  url?: string;
  filename?: string;
}

export type Download = (url: string) => Promise<Uint8Array<ArrayBuffer>>;

const EXTENSIONS: Readonly<Record<string, string>> = {
  audio: "mp3",
  photo: "jpg",
  sticker: "webp",
  video: "mp4",
  animation: "mp4",
  video_note: "mp4",
  voice: "ogg",
};
const JSON_FIELDS = ["results", "reply_markup", "mask_position", "shipping_options", "errors"];

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const isFile = (value: unknown): boolean => isObject(value) && Boolean(value.source || value.url);

export function includesMedia(payload: object): boolean {
  return Object.entries(payload).some(([key, value]) => {
    if (key === "link_preview_options") return false;
    if (Array.isArray(value)) return value.some((item) => isFile(item?.media));
    return isFile(value) || (isObject(value) && isFile(value.media));
  });
}

export const jsonBody = (payload: object): string => JSON.stringify(payload, (_, value) => value ?? undefined);

export async function uploadBody(payload: object, download: Download): Promise<FormData> {
  const form = new FormData();
  let attachments = 0;

  async function attach(media: unknown): Promise<string> {
    const id = `file-${++attachments}`;
    await addFile(form, id, media as Media, download);
    return `attach://${id}`;
  }
  async function item(value: Record<string, unknown>): Promise<object> {
    if (!isObject(value.media)) return value;
    const thumbnail = value.thumb ?? value.thumbnail;
    return {
      ...value,
      media: await attach(value.media),
      ...(isObject(thumbnail) && { thumbnail: await attach(thumbnail) }),
    };
  }

  for (const [key, value] of Object.entries(payload)) {
    if (value === null || value === undefined) continue;
    if (!isObject(value)) form.append(key, String(value));
    else if (JSON_FIELDS.includes(key)) form.append(key, JSON.stringify(value));
    else if (key === "thumb" || key === "thumbnail") form.append(key, await attach(value));
    else if (Array.isArray(value)) form.append(key, JSON.stringify(await Promise.all(value.map(item))));
    else if (value.media !== undefined && value.type !== undefined) {
      // Telegraf attaches it also where it is the id of a file, which is then none.
      form.append(key, JSON.stringify({ ...value, media: await attach(value.media) }));
    } else await addFile(form, key, value as Media, download);
  }
  return form;
}

async function addFile(
  form: FormData,
  id: string,
  { source, url, filename }: Media,
  download: Download,
): Promise<void> {
  const name = filename ?? `${id}.${EXTENSIONS[id] ?? "dat"}`;
  if (url !== undefined) return form.append(id, new File([await download(url)], name));
  if (typeof source === "string") {
    if (!(await stat(source)).isFile()) throw new TypeError(`Unable to upload '${source}', not a file`);
    return form.append(id, new File([new Uint8Array(await readFile(source))], filename ?? basename(source)));
  }
  const bytes = await bytesOf(source);
  if (bytes) form.append(id, new File([bytes], name));
}

/** Of a buffer or a stream; undefined for anything else. */
export async function bytesOf(source: unknown): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (typeof source === "string") return new TextEncoder().encode(source);
  if (source instanceof Uint8Array) return new Uint8Array(source);
  if (!isObject(source) || !(Symbol.asyncIterator in source)) return undefined;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of source as unknown as AsyncIterable<unknown>) {
    const bytes = await bytesOf(part);
    if (bytes) parts.push(bytes);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
