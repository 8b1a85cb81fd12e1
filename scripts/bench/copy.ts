/** `copy … to stdout` and `copy … from stdin`, which `pg` leaves to its callers. */
import type pg from "pg";

/** What of a connection of `pg` is used here; its types do not have it. */
interface Connection {
  query(sql: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

const CHUNK = 65_536;

/** Sends all of `data`. */
export async function copyIn(db: pg.Client, sql: string, data: Buffer): Promise<void> {
  await submit(db, sql, {
    handleCopyInResponse(connection) {
      for (let at = 0; at < data.length; at += CHUNK) connection.sendCopyFromChunk(data.subarray(at, at + CHUNK));
      connection.endCopyFrom();
    },
  });
}

export async function copyOut(db: pg.Client, sql: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  // The chunk is a view of a buffer that the next one overwrites.
  await submit(db, sql, { handleCopyData: ({ chunk }) => void chunks.push(Buffer.from(chunk)) });
  return Buffer.concat(chunks);
}

interface Handlers {
  handleCopyInResponse?(connection: Connection): void;
  handleCopyData?(message: { chunk: Buffer }): void;
}

function submit(db: pg.Client, sql: string, handlers: Handlers): Promise<void> {
  return new Promise((resolve, reject) => {
    db.query({
      submit: (connection: unknown) => (connection as Connection).query(sql),
      handleError: reject,
      handleCommandComplete: () => {},
      handleReadyForQuery: resolve,
      handleCopyInResponse: () => {},
      handleCopyData: () => {},
      ...handlers,
    } as pg.Submittable);
  });
}
