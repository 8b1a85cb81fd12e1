/**
 * Files that bots have sent, in memory and within a cap.
 *
 * @module
 */
import { ApiError, badRequest } from "./errors.ts";
import type { Document } from "./types.ts";

/** Largest upload through the Bot API, in bytes. */
export const MAX_FILE_BYTES = 50_000_000;
/** Bytes kept in all; beyond them the oldest contents are forgotten (their messages stay). */
const MAX_KEPT_BYTES = 100_000_000;

export class Files {
  readonly #documents = new Map<string, Document>();
  readonly #contents = new Map<string, Uint8Array<ArrayBuffer>>();
  #keptBytes = 0;

  /** @throws {ApiError} 400 when the file is empty, 413 when it is too large. */
  async add(file: File): Promise<Document> {
    if (file.size === 0) throw badRequest("file must be non-empty");
    if (file.size > MAX_FILE_BYTES) throw new ApiError(413, "Request Entity Too Large");
    const unique = String(this.#documents.size + 1);
    const document: Document = {
      file_id: `document-${unique}`,
      file_unique_id: unique,
      file_name: file.name,
      ...(file.type && { mime_type: file.type }),
      file_size: file.size,
    };
    this.#documents.set(document.file_id, document);
    this.#contents.set(document.file_id, new Uint8Array(await file.arrayBuffer()));
    this.#keptBytes += file.size;
    for (const [id, content] of this.#contents) {
      if (this.#keptBytes <= MAX_KEPT_BYTES) break;
      this.#contents.delete(id);
      this.#keptBytes -= content.length;
    }
    return document;
  }

  find(fileId: string): Document | undefined {
    return this.#documents.get(fileId);
  }

  /** Undefined when there is no such file, or it was forgotten. */
  content(fileId: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#contents.get(fileId);
  }
}
