/**
 * References to characters in Telegram HTML.
 *
 * @module
 */
/** The only named references that are decoded; any other stays as it is written. */
const REFERENCES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"' };

/** The character at `at`, decoded when a reference begins there. */
export function decodeReference(html: string, at: number): { text: string; end: number } {
  const plain = { text: html[at]!, end: at + 1 };
  const match = /^&(?:#x([0-9a-f]*)|#([0-9]*)|([a-z]+));?/i.exec(html.slice(at, at + 16));
  if (!match) return plain;
  const [whole, hex, decimal, name] = match;
  const end = at + whole.length;
  if (name !== undefined) {
    return Object.hasOwn(REFERENCES, name) ? { text: REFERENCES[name]!, end } : plain;
  }
  const code = hex !== undefined ? parseInt(hex, 16) : parseInt(decimal!, 10);
  const digits = whole.replace(/;$/, "").length;
  if (!(code > 0 && code < 0x10ffff) || digits >= 10) return plain;
  return { text: String.fromCodePoint(code), end };
}
