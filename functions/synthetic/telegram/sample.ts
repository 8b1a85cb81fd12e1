/**
 * The picture that people send: a white PNG, as small as one of that size can be.
 *
 * @module
 */
import type { ImageSize } from "./images.ts";

export const SAMPLE_SIZE: ImageSize = { width: 640, height: 480 };

const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgAQAAAAAdquFJAAAAnklEQVR42u3MMQEAAAwCIPuX1hLbBwFIj0UoFAqFQqFQKBQKhUKhUCgUCoVCoV" +
  "AoFAqFQqFQKBQKhUKhUCgUCoVCoVAoFAqFQqFQKBQKhUKhUCgUCoVCoVAoFAqFQqFQKBQKhUKhUCgUCoVCoVAoFAqFQqFQKBQKhUKhUCgUCoVC" +
  "oVAoFAqFQqFQKBQKhUKhUCgUCoVCoVAoFAqFwv9w7sZyvM+bBGAAAAAASUVORK5CYII=";

export const SAMPLE_PICTURE: Uint8Array<ArrayBuffer> = Uint8Array.from(atob(PNG), (char) => char.charCodeAt(0));
