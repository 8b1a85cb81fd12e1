/**
 * A call's parameters and files as one body, made while it is sent.
 *
 * @module
 */
export interface UploadedFile {
  /** Whole, or in pieces. */
  content: Uint8Array | AsyncIterable<Uint8Array>;
  filename: string;
}

/** By the name of the parameter, or the name that an `attach://` in another one refers to. */
export type Files = Readonly<Record<string, UploadedFile>>;

export interface Multipart {
  /** For the header. */
  type: string;
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What making a file threw: fetch tells only that the body broke off. */
  failure?: { error: unknown };
}

export function multipart(payload: object, files: Files): Multipart {
  const boundary = `tracegram-${crypto.randomUUID()}`;
  const pieces = form(boundary, payload, files);
  const made: Multipart = {
    type: `multipart/form-data; boundary=${boundary}`,
    body: new ReadableStream({
      async pull(controller) {
        try {
          const { value, done } = await pieces.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          made.failure = { error };
          throw error;
        }
      },
      async cancel() {
        await pieces.return(undefined);
      },
    }),
  };
  return made;
}

const encoder = new TextEncoder();

async function* form(boundary: string, payload: object, files: Files): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const part = (disposition: string) =>
    encoder.encode(`--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n`);
  const end = encoder.encode("\r\n");
  for (const [name, value] of Object.entries(payload)) {
    if (value === undefined) continue;
    yield part(`name="${name}"`);
    yield encoder.encode(typeof value === "string" ? value : JSON.stringify(value));
    yield end;
  }
  for (const [name, { content, filename }] of Object.entries(files)) {
    yield part(`name="${name}"; filename="${filename.replace(/["\\\r\n]/g, "_")}"`);
    if (content instanceof Uint8Array) yield content as Uint8Array<ArrayBuffer>;
    else for await (const piece of content) yield piece as Uint8Array<ArrayBuffer>;
    yield end;
  }
  yield encoder.encode(`--${boundary}--\r\n`);
}
