import { AROUND_CHARS, PAGE_CHARS } from "../render/io_text.ts";
import { type IoScreenParams, renderIo } from "../render/io.ts";
import { renderRefusal } from "../render/refusal.ts";
import type { Screen } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";

/** A page of what a step was asked or answered. The database says who may, and notes who did. @throws {RpcError} */
export async function ioScreen({ db, actor }: ScreenDeps, params: IoScreenParams): Promise<Screen> {
  const { trace_id, step, side, page } = params;
  const io = await db.adminTraceIo(actor.user_id, {
    trace_id,
    step,
    side,
    page,
    page_chars: PAGE_CHARS,
    around_chars: AROUND_CHARS,
  });
  return io !== null && "refused" in io ? renderRefusal(io.refused) : renderIo(io, params);
}
