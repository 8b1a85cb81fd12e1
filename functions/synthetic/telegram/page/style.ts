/**
 * The page's style around its messages, from 320 px up.
 *
 * @module
 */
export const STYLE = `
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
#sidebar h1 { font-size: 20px; padding: 14px 16px 8px; display: flex; justify-content: space-between; }
#theme { color: var(--dim); }
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
#messages > li { align-self: flex-start; max-width: min(88%, 520px); }
#messages > li.out { align-self: flex-end; }
#reply { display: flex; gap: 8px; align-items: center; padding: 7px max(14px, calc((100% - 760px) / 2));
  background: var(--surface); border-top: 1px solid var(--line); }
#reply-text { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; padding-left: 8px;
  border-left: 3px solid var(--accent); font-size: 13.5px; }
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
