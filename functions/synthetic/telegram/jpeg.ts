/**
 * Size of a JPEG, from its frame, once its segments have been walked to the end of the picture. The pixels are not
 * decoded.
 *
 * @module
 */
import type { ImageSize } from "./images.ts";

const START = 0xd8;
const END = 0xd9;
const SCAN = 0xda;
/** SOF0 to SOF15, without what shares their numbers: tables and extensions. */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === START;

/** Undefined when it is no whole JPEG. */
export function readJpeg(bytes: Uint8Array): ImageSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let size: ImageSize | undefined;
  let hasScan = false;
  for (let at = 2; at + 2 <= bytes.length;) {
    if (bytes[at] !== 0xff) {
      // Within a scan; elsewhere a segment would begin here.
      if (!hasScan) return undefined;
      at++;
      continue;
    }
    const marker = bytes[at + 1]!;
    if (marker === END) return hasScan ? size : undefined;
    // Filling, an escaped 0xff in a scan, and restarts have no length.
    if (marker === 0xff || marker === 0 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    if (at + 4 > bytes.length) return undefined;
    if (isFrame(marker) && at + 9 <= bytes.length) {
      size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
      if (size.width === 0 || size.height === 0) return undefined;
    }
    if (marker === SCAN) hasScan = true;
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}
