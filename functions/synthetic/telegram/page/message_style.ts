/**
 * The style of messages, also those that are shown outside of a chat.
 *
 * @module
 */
export const MESSAGE_STYLE = `
.bubble { background: var(--in); border-radius: 14px 14px 14px 5px; padding: 6px 11px 7px; overflow-wrap: anywhere;
  box-shadow: 0 1px 1px rgb(0 0 0 / .13); }
.out .bubble { background: var(--out); border-radius: 14px 14px 5px 14px; }
/* A right-to-left name must not turn what is around it. */
.content, .chat b, .chat .last, #title, .from, .key, .quote { unicode-bidi: plaintext; }
.meta, code { unicode-bidi: isolate; }
.from { color: var(--accent); font-weight: 600; font-size: 13.5px; }
.content { white-space: pre-wrap; }
.meta { float: right; margin: 5px 0 -3px 12px; color: var(--dim); font-size: 12px; line-height: 1.2;
  white-space: nowrap; user-select: none; }
.out .meta { color: var(--out-dim); }
.bubble::after { content: ""; display: block; clear: both; }
.quote, blockquote { margin: 2px 0; padding: 2px 8px; border-left: 3px solid var(--accent); border-radius: 4px;
  background: color-mix(in srgb, var(--accent) 10%, transparent); }
.quote { font-size: 13.5px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.content a, .command { color: var(--accent); text-decoration: none; padding: 0; }
.content a:hover, .command:hover { text-decoration: underline; }
.link { color: var(--accent); }
code, pre { font: 13px/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { color: var(--code-text); }
pre { margin: 3px 0; padding: 6px 9px; background: var(--code); border-radius: 7px; white-space: pre-wrap;
  border-left: 3px solid var(--accent); }
pre code { color: inherit; }
pre[data-language]::before { content: attr(data-language); display: block; color: var(--accent); font-weight: 600; }
.spoiler:not(.shown) { background: var(--spoiler); color: transparent; border-radius: 4px; cursor: pointer; }
.spoiler:not(.shown) * { visibility: hidden; }
.forwarded { color: var(--accent); font-size: 13.5px; }
.reply { padding: 0 6px; color: inherit; opacity: 0; }
li:hover .reply, .reply:focus-visible { opacity: 1; }
@media (hover: none) { .reply { opacity: .6; } }
.photo, .photo img { display: block; }
.photo { margin-bottom: 5px; }
.bubble img { max-width: 100%; height: auto; border-radius: 9px; }
.wide { width: 100%; }
blockquote.expandable { position: relative; padding-right: 26px; cursor: pointer; }
.expandable > div { max-height: 4.05em; overflow: hidden; }
.expandable.open > div { max-height: none; }
.expand { position: absolute; right: 2px; bottom: 0; color: var(--accent); line-height: 1; padding: 4px 6px; }
.expandable.open .expand { transform: scaleY(-1); }
mark { background: var(--mark); color: inherit; border-radius: 3px; }
.rich { white-space: normal; }
.rich > * { margin: 0 0 8px; }
.rich p, .rich td, .rich th, .rich aside, .rich footer, .rich summary, .rich .expandable > div { white-space: pre-line; }
.rich h1, .rich h2, .rich h3, .rich h4, .rich h5, .rich h6 { margin: 10px 0 4px; font-size: 15px; }
.rich h1 { font-size: 19px; }
.rich h2 { font-size: 17px; }
.rich hr { border: 0; border-top: 1px solid var(--line); }
.rich footer, .rich caption, .rich cite { color: var(--dim); font-size: 13px; font-style: normal; }
.rich cite { display: block; }
.rich aside { text-align: center; padding: 6px 20px; font-style: italic; }
.rich ul > li { display: flex; gap: 7px; }
.rich .label { color: var(--dim); flex: none; }
.rich li > div { min-width: 0; flex: 1; }
.table { overflow-x: auto; }
.rich table { border-collapse: collapse; font-size: 14px; }
.rich td, .rich th { padding: 5px 9px; border-bottom: 1px solid var(--line); }
.rich .compact td, .rich .compact th { padding: 2px 6px; }
.rich [style*="text-align: right"] { white-space: nowrap; }
.rich .bordered td, .rich .bordered th { border: 1px solid var(--line); }
.rich th { background: var(--code); font-weight: 600; }
.rich .striped tr:nth-child(even) td { background: var(--code); }
.rich details { padding: 5px 9px; border-radius: 7px; background: color-mix(in srgb, var(--accent) 7%, transparent); }
.rich summary { cursor: pointer; font-weight: 600; }
.rich details[open] > summary { margin-bottom: 6px; }
.file { display: flex; gap: 10px; align-items: center; color: inherit; text-decoration: none; padding: 3px 0; }
.file .icon { width: 40px; height: 40px; flex: none; border-radius: 50%; background: var(--accent);
  color: var(--on-accent); display: grid; place-items: center; font-size: 19px; }
.file small { display: block; color: var(--dim); }
.out .file small { color: var(--out-dim); }

.keyboard { display: grid; gap: 4px; margin-top: 4px; }
.keyboard > div { display: flex; gap: 4px; }
/* As in Telegram, a label is on one line, and cut where it is too long. */
.key { flex: 1 1 0; min-width: 0; min-height: 38px; padding: 6px 3px; overflow: hidden; white-space: nowrap;
  text-overflow: ellipsis; border-radius: 9px; background: var(--key);
  color: var(--key-text); font-size: 14px; font-weight: 500; text-align: center; text-decoration: none;
}
.key:hover { filter: brightness(1.12); }
.key[aria-busy=true] { opacity: .55; }
`;
