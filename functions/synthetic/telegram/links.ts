/**
 * Links, as Telegram takes them from bots.
 *
 * @module
 */
/**
 * The link as Telegram stores it, or undefined: a link it cannot use becomes plain text without a complaint. So does
 * `tg://user?id=…`, which only works for users the bot has met through a contact this stand-in does not model.
 */
export function checkedLink(link: string): string | undefined {
  const raw = /^[a-z][a-z0-9+.-]*:/i.test(link) ? link : `http://${link}`;
  if (!URL.canParse(raw)) return undefined;
  const url = new URL(raw);
  if (url.protocol === "tg:" || url.protocol === "ton:") return /^\w+:\/*user\b/.test(raw) ? undefined : raw;
  return /^https?:$/.test(url.protocol) && /[.:]/.test(url.host) ? url.href : undefined;
}
