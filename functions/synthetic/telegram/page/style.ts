/**
 * The page's style: a Telegram chat, light or dark as the system says, from 320 px up.
 *
 * @module
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --surface: #fff; --text: #101518; --dim: #62717c; --line: #dfe4e8; --accent: #1d72b8; --on-accent: #fff;
  --wall: #d5e2d3; --in: #fff; --out: #e6fdd3; --out-dim: #46793a; --code: #eef2f5; --code-text: #8a2f13;
  --key: #4d6a55; --key-text: #fff; --hover: #f1f4f6; --selected: #dcecfa; --spoiler: #9aa7b1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --surface: #17212b; --text: #f2f5f7; --dim: #93a4b2; --line: #0b1118; --accent: #6ab3f3; --on-accent: #0b1620;
    --wall: #0e1621; --in: #1c2a38; --out: #2b5278; --out-dim: #b4d1ea; --code: #111b25; --code-text: #f0b38f;
    --key: #29394a; --key-text: #eef4f8; --hover: #202b36; --selected: #2b4056; --spoiler: #6c7c8a;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html, body { height: 100%; }
body { margin: 0; display: flex; overflow: hidden; background: var(--surface); color: var(--text);
  font: 15px/1.35 -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
button, select, textarea { font: inherit; color: inherit; }
button { cursor: pointer; border: 0; background: none; }
h1, h2, p, ol, ul { margin: 0; padding: 0; list-style: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

#sidebar { width: 300px; flex: none; overflow-y: auto; border-right: 1px solid var(--line); }
#sidebar h1 { font-size: 20px; padding: 14px 16px 8px; }
.chat { display: flex; gap: 12px; align-items: center; width: 100%; padding: 8px 12px; text-align: left; }
.chat:hover { background: var(--hover); }
.chat[aria-current=true] { background: var(--selected); }
.chat:focus-visible { outline-offset: -2px; }
.chat .names, header .names { min-width: 0; flex: 1; }
.chat b, .chat span.last, #title, #subtitle { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.chat small { font-weight: normal; color: var(--dim); }
.chat .last, #subtitle { color: var(--dim); font-size: 13.5px; }
.chat .unread { width: 10px; height: 10px; border-radius: 5px; background: var(--accent); flex: none; }
.avatar { width: 44px; height: 44px; flex: none; border-radius: 50%; display: grid; place-items: center; color: #fff;
  font-weight: 600; }
.tone0 { background: #c0504d; } .tone1 { background: #b5722a; } .tone2 { background: #7f5fc0; }
.tone3 { background: #3d8b4f; } .tone4 { background: #2f87a0; } .tone5 { background: #3a76c0; }

#pane { flex: 1; min-width: 0; display: flex; flex-direction: column; position: relative; background: var(--wall); }
header { display: flex; gap: 12px; align-items: center; padding: 7px 14px; background: var(--surface);
  border-bottom: 1px solid var(--line); }
header .avatar { width: 40px; height: 40px; }
#title { font-size: 16px; }
#subtitle.active { color: var(--accent); }
#back { display: none; font-size: 30px; line-height: 1; padding: 0 8px 5px; color: var(--accent); }
#as { color: var(--dim); font-size: 13.5px; }
#user { background: var(--surface); border: 1px solid var(--line); border-radius: 6px; padding: 3px; max-width: 110px; }

#messages { flex: 1; overflow-y: auto; padding: 12px max(12px, calc((100% - 760px) / 2)); display: flex;
  flex-direction: column; gap: 6px; overscroll-behavior: contain; }
#messages::before { content: ""; margin-top: auto; }
#messages:focus-visible { outline-offset: -3px; }
#messages li { align-self: flex-start; max-width: min(88%, 520px); }
#messages li.out { align-self: flex-end; }
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
.file { display: flex; gap: 10px; align-items: center; color: inherit; text-decoration: none; padding: 3px 0; }
.file .icon { width: 40px; height: 40px; flex: none; border-radius: 50%; background: var(--accent);
  color: var(--on-accent); display: grid; place-items: center; font-size: 19px; }
.file small { display: block; color: var(--dim); }
.out .file small { color: var(--out-dim); }

.keyboard { display: grid; gap: 4px; margin-top: 4px; }
.keyboard > div { display: flex; gap: 4px; }
.key { flex: 1 1 0; min-width: 0; min-height: 38px; padding: 6px 8px; border-radius: 9px; background: var(--key);
  color: var(--key-text); font-size: 14px; font-weight: 500; text-align: center; text-decoration: none;
  overflow-wrap: anywhere; }
.key:hover { filter: brightness(1.12); }
.key[aria-busy=true] { opacity: .55; }

#composer { display: flex; gap: 8px; align-items: flex-end; padding: 8px max(12px, calc((100% - 760px) / 2));
  background: var(--surface); border-top: 1px solid var(--line); }
#text { flex: 1; min-width: 0; min-height: 40px; max-height: 40vh; field-sizing: content; resize: none;
  padding: 9px 14px; border: 1px solid var(--line); border-radius: 20px; background: var(--hover); }
#text::placeholder { color: var(--dim); }
#send { width: 40px; height: 40px; flex: none; border-radius: 50%; background: var(--accent); color: var(--on-accent);
  font-size: 17px; }
#wide { padding: 14px; background: var(--surface); border-top: 1px solid var(--line); color: var(--accent);
  font-weight: 600; }
#toast { position: absolute; left: 50%; bottom: 74px; transform: translateX(-50%); max-width: calc(100% - 32px);
  padding: 9px 15px; border-radius: 10px; background: #1f2a33; color: #fff; opacity: 0; pointer-events: none;
  transition: opacity .15s; overflow-wrap: anywhere; }
#toast.shown { opacity: 1; }
dialog { border: 0; border-radius: 12px; padding: 18px 20px; width: min(340px, 90vw); background: var(--surface);
  color: var(--text); box-shadow: 0 8px 30px rgb(0 0 0 / .35); }
dialog p { white-space: pre-wrap; overflow-wrap: anywhere; }
dialog form { text-align: right; }
dialog button { color: var(--accent); font-weight: 600; padding: 8px 10px; margin: 10px -8px -8px 0; }
dialog::backdrop { background: rgb(0 0 0 / .4); }

@media (max-width: 640px) {
  #sidebar { width: 100%; border: 0; }
  #back { display: block; margin-left: -8px; }
  body.chatting #sidebar, body:not(.chatting) #pane { display: none; }
  .chat[aria-current=true] { background: none; }
  header { gap: 8px; padding-inline: 8px; }
  #text { font-size: 16px; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
`;
