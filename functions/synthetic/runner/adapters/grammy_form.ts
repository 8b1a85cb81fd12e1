/**
 * Forms as grammY writes them: without spaces in their heads and without quotes around file names, which Telegram reads and
 * Node's own reader does not.
 *
 * @module
 */
import { Buffer } from "node:buffer";

export function readForm(bytes: Uint8Array, contentType: string): FormData {
  const form = new FormData();
  const boundary = /boundary="?([^";]+)/.exec(contentType)?.[1] ?? "";
  // One character for each byte, so that nothing of a file is changed.
  const parts = Buffer.from(bytes).toString("latin1").split(`--${boundary}`).slice(1, -1);
  for (const part of parts) {
    const end = part.indexOf("\r\n\r\n");
    const head = utf8(part.slice(0, end));
    const content = part.slice(end + 4, -2);
    const name = /[; ]name="([^"]*)"/.exec(head)?.[1];
    const file = /[; ]filename="?([^"\r\n]*)/.exec(head)?.[1];
    if (end < 0 || name === undefined) throw new TypeError("a part of the form has no name");
    if (file === undefined) form.append(name, utf8(content));
    else form.append(name, new File([Buffer.from(content, "latin1")], file));
  }
  return form;
}

const utf8 = (bytes: string): string => Buffer.from(bytes, "latin1").toString();
