/**
 * Serves the page to chat in. Everything comes from here; the policy lets the browser load nothing from elsewhere.
 *
 * @module
 */
import { HTML } from "./html.ts";
import { SCRIPT } from "./script.ts";
import { MESSAGE_STYLE } from "./message_style.ts";
import { STYLE } from "./style.ts";
import { COLORS } from "./colors.ts";

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FILES: Readonly<Record<string, { type: string; content: string }>> = {
  "/": { type: "text/html", content: HTML },
  "/page.js": { type: "text/javascript", content: SCRIPT },
  "/page.css": { type: "text/css", content: COLORS + STYLE + MESSAGE_STYLE },
};

export function servePage(pathname: string): Response {
  const file = Object.hasOwn(FILES, pathname) ? FILES[pathname] : undefined;
  if (!file) return Response.json({ ok: false, error_code: 404, description: "Not Found" }, { status: 404 });
  return new Response(file.content, {
    headers: {
      "content-type": `${file.type}; charset=utf-8`,
      "content-security-policy": POLICY,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    },
  });
}
