/**
 * Files that bots and people have sent, in memory and within a cap.
 *
 * @module
 */
import { ApiError, badRequest } from "./errors.ts";
import { type Image, type ImageSize, offeredSizes, readPhoto } from "./images.ts";
import type { Document, PhotoSize, TelegramFile } from "./types.ts";

/** Largest upload through the Bot API, in bytes. */
export const MAX_FILE_BYTES = 50_000_000;
/** Largest file that a bot may get. */
const MAX_DOWNLOAD_BYTES = 20_000_000;
/** Bytes kept in all; beyond them the oldest contents are forgotten (their messages stay). */
const MAX_KEPT_BYTES = 100_000_000;

/** A file's content, and what it may be shown as: a type only where it was found to be of it. */
export interface FileContent {
  name: string;
  content: Uint8Array<ArrayBuffer>;
  image?: "image/png" | "image/jpeg";
}

export class Files {
  readonly #documents = new Map<string, Document>();
  /** Every size of a picture by its own id. */
  readonly #photos = new Map<string, PhotoSize[]>();
  readonly #contents = new Map<string, FileContent>();
  #count = 0;
  #keptBytes = 0;

  /** @throws {ApiError} 400 when the file is empty, 413 when it is too large. */
  async add(file: File): Promise<Document> {
    return this.receiveDocument(file.name, await readFile(file), file.type);
  }

  /** What a person sends: their app has looked at it. */
  receiveDocument(name: string, content: Uint8Array<ArrayBuffer>, type = ""): Document {
    const unique = String(++this.#count);
    const document: Document = {
      file_id: `document-${unique}`,
      file_unique_id: unique,
      file_name: name,
      ...(type && { mime_type: type }),
      file_size: content.length,
    };
    this.#documents.set(document.file_id, document);
    this.#keep(document.file_id, { name, content });
    return document;
  }

  /** Every size shows the whole picture: nothing here scales one. @throws {ApiError} as for `add`, or when it is none. */
  async addPhoto(file: File): Promise<PhotoSize[]> {
    const content = await readFile(file);
    return this.#addPhoto(await readPhoto(content), file.name, content);
  }

  /** As {@link receiveDocument}. */
  receivePhoto(size: ImageSize, content: Uint8Array<ArrayBuffer>): PhotoSize[] {
    return this.#addPhoto({ ...size, mime_type: "image/png" }, "photo.png", content);
  }

  #addPhoto(image: Image, name: string, content: Uint8Array<ArrayBuffer>): PhotoSize[] {
    const unique = String(++this.#count);
    const photo = offeredSizes(image).map((size, i): PhotoSize => ({
      file_id: `photo-${unique}-${i}`,
      file_unique_id: `${unique}-${i}`,
      ...size,
      file_size: content.length,
    }));
    for (const { file_id } of photo) this.#photos.set(file_id, photo);
    this.#keep(`photo-${unique}`, { name, content, image: image.mime_type });
    return photo;
  }

  /** @throws {ApiError} 400 when there is no such file, or it is a picture. */
  document(fileId: string): Document {
    const found = this.#documents.get(fileId);
    if (found) return found;
    throw badRequest(this.#photos.has(fileId) ? "can't use file of type Photo as Document" : UNKNOWN);
  }

  /** @throws {ApiError} 400 when there is no such file, or it is none of the pictures. */
  photo(fileId: string): PhotoSize[] {
    const found = this.#photos.get(fileId);
    if (found) return found;
    throw badRequest(this.#documents.has(fileId) ? "can't use file of type Document as Photo" : UNKNOWN);
  }

  /** As `getFile` tells of it. @throws {ApiError} 400 when there is no such file, or it is larger than bots may get. */
  file(fileId: string): TelegramFile {
    const found = this.#documents.get(fileId) ?? this.#photos.get(fileId)?.find(({ file_id }) => file_id === fileId);
    if (!found) throw badRequest("invalid file_id");
    const { file_unique_id, file_size = 0 } = found;
    if (file_size > MAX_DOWNLOAD_BYTES) throw badRequest("file is too big");
    const folder = this.#documents.has(fileId) ? "documents" : "photos";
    return { file_id: fileId, file_unique_id, file_size, file_path: `${folder}/${fileId}` };
  }

  /** Undefined when there is no such file, or it was forgotten. */
  content(fileId: string): FileContent | undefined {
    return this.#contents.get(fileId.replace(/^(photo-\d+)-\d+$/, "$1"));
  }

  #keep(id: string, file: FileContent): void {
    this.#contents.set(id, file);
    this.#keptBytes += file.content.length;
    for (const [oldest, { content }] of this.#contents) {
      if (this.#keptBytes <= MAX_KEPT_BYTES) break;
      this.#contents.delete(oldest);
      this.#keptBytes -= content.length;
    }
  }
}

const UNKNOWN = "wrong file identifier/HTTP URL specified";

async function readFile(file: File): Promise<Uint8Array<ArrayBuffer>> {
  if (file.size === 0) throw badRequest("file must be non-empty");
  if (file.size > MAX_FILE_BYTES) throw new ApiError(413, "Request Entity Too Large");
  return new Uint8Array(await file.arrayBuffer());
}
