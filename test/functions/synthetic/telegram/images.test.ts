import { describe, expect, test } from "vitest";
import {
  type ImageSize,
  MAX_PHOTO_BYTES,
  offeredSizes,
  readImage,
  readPhoto,
} from "../../../../functions/synthetic/telegram/images.ts";
import { jpeg, png } from "./pictures.ts";

/** One red pixel, as another program wrote it. */
const FOREIGN_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

const changed = (bytes: Uint8Array<ArrayBuffer>, at: number) => {
  const copy = bytes.slice();
  copy[at < 0 ? bytes.length + at : at]! ^= 1;
  return copy;
};

describe("dimensions", () => {
  test.each<[string, Uint8Array<ArrayBuffer>, object]>([
    ["a PNG", png(30, 20), { width: 30, height: 20, mime_type: "image/png" }],
    ["an interlaced PNG", png(13, 7, { interlaced: true }), { width: 13, height: 7, mime_type: "image/png" }],
    ["a PNG of another's making", Uint8Array.from(Buffer.from(FOREIGN_PNG, "base64")), {
      width: 1,
      height: 1,
      mime_type: "image/png",
    }],
    ["a JPEG", jpeg(640, 480), { width: 640, height: 480, mime_type: "image/jpeg" }],
  ])("of %s", async (_, bytes, expected) => expect(await readImage(bytes)).toEqual(expected));

  test.each<[string, Uint8Array<ArrayBuffer>]>([
    ["a PNG that is cut off", png(30, 20).slice(0, -12)],
    ["a PNG with a wrong checksum", changed(png(30, 20), 45)],
    ["a PNG whose header promises more rows", rename(png(30, 20), 21)],
    ["a JPEG that is cut off", jpeg(3, 3).slice(0, -2)],
    ["a JPEG without a frame", Uint8Array.from([0xff, 0xd8, 0xff, 0xd9])],
    ["a GIF", Uint8Array.from(Buffer.from("GIF89a"))],
    ["a text", Uint8Array.from(Buffer.from("<svg/>"))],
    ["nothing", new Uint8Array()],
  ])("none of %s", async (_, bytes) => expect(await readImage(bytes)).toBeUndefined());

  /** The header of a picture with that many rows on the data of another. */
  function rename(bytes: Uint8Array<ArrayBuffer>, rows: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from([...png(30, rows).slice(0, 33), ...bytes.slice(33)]);
  }
});

test.each<[number, number, string | undefined]>([
  [9_500, 500, undefined],
  [9_500, 501, "PHOTO_INVALID_DIMENSIONS"],
  [2_000, 100, undefined],
  [2_001, 100, "PHOTO_INVALID_DIMENSIONS"],
  [100, 2_001, "PHOTO_INVALID_DIMENSIONS"],
  [1, 1, undefined],
])("%d × %d as a photo", async (width, height, complaint) => {
  const reading = readPhoto(jpeg(width, height));
  if (complaint) await expect(reading).rejects.toThrow(`Bad Request: ${complaint}`);
  else expect(await reading).toMatchObject({ width, height });
});

test("10 MB are the most", async () => {
  await expect(readPhoto(new Uint8Array(MAX_PHOTO_BYTES + 1))).rejects.toThrow(
    "Bad Request: file of size 10485761 bytes is too big for a photo; the maximum size is 10485760 bytes",
  );
});

test.each<[ImageSize, number[][]]>([
  [{ width: 50, height: 40 }, [[50, 40]]],
  [{ width: 1000, height: 500 }, [[90, 45], [320, 160], [800, 400], [1000, 500]]],
  [{ width: 400, height: 4000 }, [[9, 90], [32, 320], [80, 800], [128, 1280], [256, 2560]]],
])("%j is offered in sizes", (size, expected) => {
  expect(offeredSizes(size).map(({ width, height }) => [width, height])).toEqual(expected);
});
