/**
 * Size of a PNG, once all of it has been looked at: each chunk with its checksum, and the pixels inflated to the number
 * that size and colour type ask for.
 *
 * @module
 */
import type { ImageSize } from "./images.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Samples of a pixel by colour type. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** First column and row of each pass of an interlaced picture, and the steps between them. */
const PASSES = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

export const isPng = (bytes: Uint8Array): boolean => SIGNATURE.every((byte, i) => bytes[i] === byte);

/** Undefined when it is no whole and sound PNG. */
export async function readPng(bytes: Uint8Array<ArrayBuffer>): Promise<ImageSize | undefined> {
  const chunks = readChunks(bytes);
  const header = chunks?.[0];
  if (!chunks || header?.type !== "IHDR" || header.data.length !== 13) return undefined;
  const view = new DataView(header.data.buffer, header.data.byteOffset);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const bits = view.getUint8(8) * (CHANNELS[view.getUint8(9)] ?? 0);
  if (width === 0 || height === 0 || bits === 0) return undefined;

  const expected = view.getUint8(12) === 0 ? rowsOf(width, height, bits) : PASSES.reduce(
    (total, [x, y, dx, dy]) => total + rowsOf(Math.ceil((width - x!) / dx!), Math.ceil((height - y!) / dy!), bits),
    0,
  );
  const data = chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data);
  return await inflatedLength(data) === expected ? { width, height } : undefined;
}

/** Bytes of that many rows, each with its filter. */
const rowsOf = (width: number, height: number, bits: number): number =>
  width > 0 && height > 0 ? height * (1 + Math.ceil(width * bits / 8)) : 0;

/** Undefined when a chunk is cut off or damaged, or the last one is not the end. */
function readChunks(bytes: Uint8Array<ArrayBuffer>) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: { type: string; data: Uint8Array<ArrayBuffer> }[] = [];
  for (let at = SIGNATURE.length; at + 12 <= bytes.length;) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length || crc(bytes.subarray(at + 4, end)) !== view.getUint32(end)) return undefined;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    chunks.push({ type, data: bytes.subarray(at + 8, end) });
    if (type === "IEND") return chunks;
    at = end + 4;
  }
  return undefined;
}

/** Counted as it comes out: a small file may inflate to more than fits into memory. */
async function inflatedLength(parts: Uint8Array<ArrayBuffer>[]): Promise<number> {
  let length = 0;
  try {
    const reader = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) length += read.value.length;
  } catch {
    return -1;
  }
  return length;
}

const CRC_TABLE = Array.from({ length: 256 }, (_, n) => {
  for (let i = 0; i < 8; i++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

export function crc(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC_TABLE[(value ^ byte) & 0xff]! ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
