/**
 * Takes secrets out of requests and answers, as the tracer does, before they are kept or compared.
 *
 * @module
 */
import { maskDefaults } from "../../../tracer/mask.ts";
import { clean } from "../../../tracer/text.ts";

export const maskText = (text: string): string => clean(maskDefaults(text));

/** JSON with its secrets masked. What it is made of stays so: numbers numbers, lists as long as they are. */
export function maskJson(value: unknown): unknown {
  const masked = maskLeaves(value);
  // Once more as a whole: some secrets are known by the names that stand before them.
  try {
    return JSON.parse(maskText(JSON.stringify(masked)));
  } catch {
    // Where the marker stands for more than a string, it is JSON no more.
    return maskNamed(masked);
  }
}

function maskLeaves(value: unknown): unknown {
  if (typeof value === "string") return maskText(value);
  return mapEntries(value, (_, child) => maskLeaves(child));
}

/** Each field by itself, under its name. */
function maskNamed(value: unknown): unknown {
  return mapEntries(value, (name, child) => {
    if (typeof child === "object") return maskNamed(child);
    const text = JSON.stringify({ [name]: child });
    return maskDefaults(text) === text ? child : "[secret]";
  });
}

function mapEntries(value: unknown, change: (name: string, child: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((child, i) => change(String(i), child));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [clean(name), change(name, child)]));
}
