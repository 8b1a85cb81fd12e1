/**
 * Reading a JSON body that a stranger sent.
 *
 * @module
 */
export type Body =
  | { ok: true; value: unknown }
  | {
    ok: false;
    status: 400 | 413 | 415;
    code: "invalid_json" | "invalid_gzip" | "body_too_large" | "unsupported_encoding";
  };

/**
 * The JSON body of a request, plain or gzip, of at most `maxBytes` after decompression. Bytes are counted as they come out,
 * so a small body that unpacks to a large one costs no more than the limit.
 */
export async function readJson(req: Request, maxBytes: number): Promise<Body> {
  const encoding = req.headers.get("content-encoding")?.trim().toLowerCase() || "identity";
  if (encoding !== "identity" && encoding !== "gzip") return { ok: false, status: 415, code: "unsupported_encoding" };

  const decoder = new TextDecoder();
  let json = "";
  let size = 0;
  try {
    const plain = encoding === "gzip" ? req.body?.pipeThrough(new DecompressionStream("gzip")) : req.body;
    for await (const chunk of (plain ?? []) as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > maxBytes) return { ok: false, status: 413, code: "body_too_large" };
      json += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    if (encoding === "gzip") return { ok: false, status: 400, code: "invalid_gzip" };
    throw error;
  }
  try {
    return { ok: true, value: JSON.parse(json + decoder.decode()) };
  } catch {
    return { ok: false, status: 400, code: "invalid_json" };
  }
}
