/**
 * Parameters of a call, from the query string and a JSON, urlencoded or multipart body.
 *
 * As in Telegram every value is a string: numbers, booleans, arrays and objects of a JSON body are kept as JSON text.
 *
 * @module
 */
import { badRequest } from "./errors.ts";

/** Largest absolute value of a chat or message id: 52 bits. */
const MAX_ID = 2 ** 52;

export interface Params {
  values: ReadonlyMap<string, string>;
  files: ReadonlyMap<string, File>;
}

/** @throws {ApiError} 400 when the body cannot be read as its content type says. */
export async function readParams(message: Request | Response, query?: URLSearchParams): Promise<Params> {
  const values = new Map<string, string>(query);
  const files = new Map<string, File>();
  const contentType = message.headers.get("content-type") ?? "";
  try {
    if (contentType.startsWith("application/json")) {
      const body: unknown = JSON.parse((await message.text()) || "{}");
      if (typeof body !== "object" || body === null || Array.isArray(body)) throw new TypeError("not an object");
      for (const [name, value] of Object.entries(body)) {
        values.set(name, typeof value === "string" ? value : JSON.stringify(value));
      }
    } else if (/^(application\/x-www-form-urlencoded|multipart\/form-data)/.test(contentType)) {
      for (const [name, value] of await message.formData()) {
        if (typeof value === "string") values.set(name, value);
        else files.set(name, value);
      }
    }
  } catch {
    throw badRequest("can't parse request parameters");
  }
  return { values, files };
}

export const text = (params: Params, name: string): string => params.values.get(name) ?? "";

export const flag = (params: Params, name: string): boolean => /^(true|yes|1)$/i.test(text(params, name).trim());

/** Out of range is clamped and nonsense is the default, as Telegram does. */
export function integer(params: Params, name: string, fallback: number, min: number, max: number): number {
  const raw = text(params, name);
  return /^-?\d+$/.test(raw) ? Math.min(max, Math.max(min, Number(raw))) : fallback;
}

/** 0 when absent or not a number. */
export const id = (params: Params, name: string): number => integer(params, name, 0, -MAX_ID, MAX_ID);

/** Undefined when absent. @throws {ApiError} 400 with `complaint` when it is no JSON. */
export function json(params: Params, name: string, complaint: string): unknown {
  const raw = text(params, name);
  if (raw === "") return undefined;
  try {
    return JSON.parse(raw);
  } catch {
    throw badRequest(complaint);
  }
}
