/**
 * The SQLSTATEs that `sql/` raises, each with the HTTP status it becomes and what the caller should do.
 *
 * @module
 */
export const SQLSTATES = {
  TG001: { status: 401, hint: "Create an ingest key with select public.create_ingest_key('my bot') and send it." },
  TG002: { status: 400, hint: "Send a JSON array of at least one trace, or a report with one, as in tracer/wire.ts." },
  TG003: { status: 413, hint: "Split the batch: at most 500 traces and 1 MiB of JSON." },
  TG004: { status: 429, hint: "Wait a minute and send the batch again." },
  TG020: { status: 400, hint: "The comments of tracegram.settings say what each setting takes; nothing was changed." },
  TG021: { status: 400, hint: "Send an object of step names and labels; nothing was changed." },
  TG030: { status: 404, hint: "List the keys with select public.list_ingest_keys()." },
  TG040: { status: 400, hint: 'Name a rule that list_alerts has, and send {"threshold": 5} or {"enabled": false}.' },
  TG050: { status: 400, hint: "The roles are viewer, operator and owner; nothing was changed." },
  TG041: { status: 400, hint: "Acts on an alert are acknowledge, mute_1h, mute_24h and unmute." },
  TG055: { status: 400, hint: "Send a filter as ListFilter in admin_answers.ts has it." },
  TG060: { status: 400, hint: "Send what synthetic_answers.ts and synthetic_work.ts say; nothing was changed." },
} as const;

export type Sqlstate = keyof typeof SQLSTATES;

const isOurs = (code: string): code is Sqlstate => Object.hasOwn(SQLSTATES, code);

/** A failed RPC. Branch on `code`, never on the message. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  /** A SQLSTATE, a PostgREST code (`PGRST…`), or `""` when no database answered. */
  readonly code: string;
  /** HTTP status to pass on. 503: the database is away or too busy, and a retry may work. */
  readonly status: number;
  readonly hint: string | undefined;

  constructor(error: { code?: string; message: string; hint?: string | null }, httpStatus: number) {
    super(error.message);
    this.code = error.code ?? "";
    const ours = isOurs(this.code) ? SQLSTATES[this.code] : undefined;
    this.status = ours?.status ?? (isTransient(this.code, httpStatus) ? 503 : 500);
    this.hint = ours?.hint ?? error.hint ?? undefined;
  }
}

/** Connection lost (08), out of resources (53), cancelled or shutting down (57), lock or deadlock (55P03, 40). */
function isTransient(code: string, httpStatus: number): boolean {
  return code === "" || /^(08|40|53|57|55P03|PGRST00)/.test(code) || [502, 503, 504].includes(httpStatus);
}
