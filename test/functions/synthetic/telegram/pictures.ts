/** Pictures made here, so that a test may ask for any size, and damage them. */
import { deflateSync } from "node:zlib";
import { crc } from "../../../../functions/synthetic/telegram/png.ts";

/** A white PNG. */
export function png(width: number, height: number, { interlaced = false } = {}): Uint8Array<ArrayBuffer> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, interlaced ? 1 : 0], 8);
  return Uint8Array.from(Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(interlaced ? interlacedBytes(width, height) : height * (1 + width), 255))),
    chunk("IEND", Buffer.alloc(0)),
  ]));
}

/** Rows of the seven passes, each with its filter byte. */
function interlacedBytes(width: number, height: number): number {
  let bytes = 0;
  for (
    const [x, y, dx, dy] of [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [
      0,
      1,
      1,
      2,
    ]]
  ) {
    const columns = Math.max(0, Math.ceil((width - x!) / dx!));
    for (let row = y!; row < height; row += dy!) if (columns > 0) bytes += 1 + columns;
  }
  return bytes;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  whole.set(body, 4);
  whole.writeUInt32BE(crc(body), body.length + 4);
  return whole;
}

/** The segments of a JPEG of one pixel's data, with any size in its frame. */
export function jpeg(width: number, height: number): Uint8Array<ArrayBuffer> {
  const size = Buffer.alloc(4);
  size.writeUInt16BE(height, 0);
  size.writeUInt16BE(width, 2);
  return Uint8Array.from(Buffer.concat([
    Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 1]),
    Buffer.from([0xff, 0xc0, 0, 11, 8]),
    size,
    Buffer.from([1, 1, 0x11, 0]),
    Buffer.from([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]),
    Buffer.from([0x12, 0xff, 0x00, 0x34, 0xff, 0xd9]),
  ]));
}
