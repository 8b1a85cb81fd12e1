/**
 * A trace as a JSON document, its requests and responses read some steps at a time.
 *
 * @module
 */
import type { Db, TraceDetail } from "../../_shared/db.ts";
import { MAX_BYTES } from "./rows.ts";

export interface WrittenIo {
  steps: number;
  /** There was more than a file may have. */
  capped: boolean;
  /** The reader's role was taken away meanwhile. */
  refused?: true;
}

/**
 * `{…trace, "io": […], "io_capped": false}`; without `io` for a reader who may not have it, and with `"io_refused": true` after
 * what was read until the reader might not any more.
 */
export async function* traceJson(
  db: Pick<Db, "adminExportIo">,
  trace: TraceDetail,
  reader: { user_id: number; readsIo: boolean },
  written: (so: WrittenIo) => void,
  maxBytes = MAX_BYTES,
): AsyncIterable<Uint8Array> {
  const encoder = new TextEncoder();
  const head = JSON.stringify(trace, null, 2);
  if (!reader.readsIo) return yield encoder.encode(`${head}\n`);

  // The object stays open for what comes.
  yield encoder.encode(`${head.slice(0, -2)},\n  "io": [`);
  let bytes = head.length * 3;
  let steps = 0;
  let capped = false;
  let refused = false;
  for (let after = 0, more = trace.io_steps.length > 0; more && !capped;) {
    const part = await db.adminExportIo(reader.user_id, trace.trace_id, after);
    if ("refused" in part) {
      refused = true;
      written({ steps, capped, refused });
      break;
    }
    for (const io of part.io) {
      const piece = encoder.encode(`${steps === 0 ? "" : ","}\n    ${JSON.stringify(io)}`);
      bytes += piece.length;
      capped = bytes > maxBytes;
      if (capped) break;
      yield piece;
      steps++;
    }
    written({ steps, capped });
    after = part.io.at(-1)?.step ?? after;
    more = part.more;
  }
  yield encoder.encode(
    `${steps === 0 ? "" : "\n  "}],\n  "io_capped": ${capped}${refused ? `,\n  "io_refused": true` : ""}\n}\n`,
  );
}
