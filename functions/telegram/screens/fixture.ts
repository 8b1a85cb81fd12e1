import { maskDefaults } from "../../../tracer/mask.ts";
import { findTurn, fixtureName, fixtureOf } from "../../_shared/fixture.ts";
import type { TraceIo } from "../../_shared/db.ts";
import { fixtureCaption, renderNothing } from "../render/export.ts";
import { renderRefusal } from "../render/refusal.ts";
import type { Export, Screen } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";

/** A trace as a scenario, in a file. That its texts were read is in the audit. @throws {RpcError} */
export async function fixtureReply(
  { db, actor }: ScreenDeps,
  { trace_id }: { trace_id: string },
): Promise<Export | Screen> {
  const trace = await db.getTrace(trace_id);
  if (trace === null) return renderNothing("gone");
  const io: TraceIo[] = [];
  // As far as to what the person wrote: whoever reads more than needed has more to answer for.
  for (let more = true; more && findTurn(trace, io) === null;) {
    const part = await db.adminExportIo(actor.user_id, trace_id, io.at(-1)?.step ?? 0);
    if ("refused" in part) return renderRefusal(part.refused);
    io.push(...part.io);
    more = part.more;
  }
  const yaml = fixtureOf(trace, io, maskDefaults);
  return {
    name: "fixture",
    filename: `${fixtureName(trace)}.yaml`,
    content: async function* () {
      yield new TextEncoder().encode(yaml);
    },
    caption: fixtureCaption(findTurn(trace, io) !== null),
  };
}
