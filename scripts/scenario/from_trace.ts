/** A scenario from what the bot did for somebody: `Make a test of this`, in a terminal. */
import type { Db } from "../../functions/_shared/db.ts";
import { fixtureName, fixtureOf } from "../../functions/_shared/fixture.ts";
import { maskDefaults } from "../../tracer/mask.ts";
import { Failure } from "../stack/failure.ts";
import { YAML_HEAD } from "./template.ts";
import { checkName, writeScenario } from "./write.ts";

/** Least that is looked for, as `/admin trace` has it. */
const PREFIX = /^[0-9a-f][0-9a-f-]{3,35}$/i;

/** Returns the path of the file. @param id The trace's, or its first characters. @throws {Failure} */
export async function fromTrace(dir: string, db: Db, id: string, name?: string): Promise<string> {
  if (!PREFIX.test(id)) {
    throw new Failure(
      `\`${id}\` is no trace id.`,
      "Copy it from the trace's screen: at least its first four characters.",
    );
  }
  if (name !== undefined) checkName(dir, name);
  const found = await db.findTrace(id);
  if (!found) {
    throw new Failure(
      `There is no trace ${id}.`,
      "Traces are kept 30 days, unless set otherwise. /admin traces has them.",
    );
  }
  if ("candidates" in found) {
    const ids = found.candidates.map(({ trace_id, pipeline, started_at }) =>
      `  ${trace_id}  ${started_at}  ${pipeline}`
    );
    throw new Failure(`More than one trace begins with ${id}:\n${ids.join("\n")}`, "Give more of its characters.");
  }
  const trace = await db.getTrace(found.trace_id);
  if (!trace) throw new Failure(`The trace ${found.trace_id} was dropped just now.`, "Take a newer one.");
  const io = await db.getTraceIo(found.trace_id);
  const named = name ?? fixtureName(trace);
  const text = fixtureOf(trace, io, maskDefaults);
  return writeScenario(dir, named, "yaml", text.startsWith(YAML_HEAD) ? text : YAML_HEAD + text);
}
