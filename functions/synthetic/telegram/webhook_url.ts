/**
 * Which addresses a webhook may have.
 *
 * @module
 */
import { badRequest } from "./errors.ts";

/** Where Telegram posts to, on hosts that are not local. */
const PORTS = ["", "80", "88", "443", "8443"];

/** @throws {ApiError} 400 when Telegram, or a local Bot API server, would not accept the address. */
export function checkWebhookUrl(raw: string): string {
  if (!URL.canParse(raw)) throw badRequest("invalid webhook URL specified");
  const url = new URL(raw);
  // Telegram itself insists on https; a Bot API server of one's own allows http, as tests and the demo need here.
  const loopback = url.protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url.protocol !== "https:" && !loopback) {
    throw badRequest("bad webhook: An HTTPS URL must be provided for webhook");
  }
  if (!loopback && !PORTS.includes(url.port)) {
    throw badRequest("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443");
  }
  return raw;
}
