/**
 * Pictures as Telegram takes them: PNG or JPEG, within its limits of bytes and dimensions.
 *
 * @module
 */
import { badRequest } from "./errors.ts";
import { isJpeg, readJpeg } from "./jpeg.ts";
import { isPng, readPng } from "./png.ts";

/** Pixels. */
export interface ImageSize {
  width: number;
  height: number;
}

export interface Image extends ImageSize {
  mime_type: "image/png" | "image/jpeg";
}

/** Largest picture that may be sent as a photo, in bytes. */
export const MAX_PHOTO_BYTES = 10 * 1024 * 1024;
/** Most of width and height together, and of one divided by the other. */
const MAX_SIDES = 10_000;
const MAX_RATIO = 20;

/** The longest side of each size in which Telegram offers a picture. The largest is what it keeps. */
const OFFERED_SIDES = [90, 320, 800, 1280, 2560];

/** @throws {ApiError} 400 when the file is too large, is no picture, or has dimensions that Telegram does not take. */
export async function readPhoto(bytes: Uint8Array<ArrayBuffer>): Promise<Image> {
  if (bytes.length > MAX_PHOTO_BYTES) {
    throw badRequest(
      `file of size ${bytes.length} bytes is too big for a photo; the maximum size is ${MAX_PHOTO_BYTES} bytes`,
    );
  }
  const image = await readImage(bytes);
  if (!image) throw badRequest("IMAGE_PROCESS_FAILED");
  const { width, height } = image;
  if (width + height > MAX_SIDES || Math.max(width, height) > MAX_RATIO * Math.min(width, height)) {
    throw badRequest("PHOTO_INVALID_DIMENSIONS");
  }
  return image;
}

/** Undefined for anything but a whole PNG or JPEG. */
export async function readImage(bytes: Uint8Array<ArrayBuffer>): Promise<Image | undefined> {
  if (isPng(bytes)) {
    const size = await readPng(bytes);
    return size && { ...size, mime_type: "image/png" };
  }
  const size = isJpeg(bytes) ? readJpeg(bytes) : undefined;
  return size && { ...size, mime_type: "image/jpeg" };
}

/** The sizes in which a picture is offered, smallest first. */
export function offeredSizes({ width, height }: ImageSize): ImageSize[] {
  const longest = Math.max(width, height);
  const scaled = (side: number): ImageSize => ({
    width: Math.max(1, Math.round(width * side / longest)),
    height: Math.max(1, Math.round(height * side / longest)),
  });
  const smaller = OFFERED_SIDES.filter((side) => side < longest).map(scaled);
  return longest > OFFERED_SIDES.at(-1)! ? smaller : [...smaller, { width, height }];
}
