/** The line to a stack's database: tells what goes over it, and breaks where a test says so. */
import { serve } from "../../scripts/stack/serve.ts";

/** `away`: the database hears nothing of it. `lost`: it has answered, and nobody hears that. */
export type Break = "away" | "lost";

export interface Line {
  /** In place of the stack's. */
  url: string;
  /** Functions of the database that were called, in order. */
  asked: { name: string; args: Record<string, unknown> }[];
  /** What becomes of the next calls. */
  breaks: (name: string) => Break | undefined;
  close(): Promise<void>;
}

export async function openLine(apiUrl: string): Promise<Line> {
  const line: Line = { url: "", asked: [], breaks: () => undefined, close: () => served.close() };
  const served = await serve(async (request) => {
    const { url, method, headers } = request;
    const { pathname, search } = new URL(url);
    const name = pathname.split("/").at(-1)!;
    const body = await request.text();
    line.asked.push({ name, args: JSON.parse(body) });
    const broken = line.breaks(name);
    if (broken === "away") return Response.error();
    const answer = await fetch(`${apiUrl}${pathname}${search}`, { method, headers, body });
    const text = await answer.text();
    if (broken === "lost") return Response.error();
    const type = answer.headers.get("content-type");
    return new Response(text || null, { status: answer.status, headers: type ? { "content-type": type } : {} });
  }, { port: 0 });
  line.url = served.url;
  return line;
}

/** Breaks the first calls of each function. */
export function first(times: number, how: Break, names?: string[]): Line["breaks"] {
  const left: Record<string, number> = {};
  return (name) => {
    if (names && !names.includes(name)) return undefined;
    left[name] = (left[name] ?? times) - 1;
    return left[name] >= 0 ? how : undefined;
  };
}
