/**
 * The page's frame. `script.ts` fills it; whatever people and bots wrote gets in as text nodes only.
 *
 * @module
 */
export const HTML = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Telegram stand-in</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="page.css">
  <script type="module" src="page.js"></script>
</head>
<body>
  <nav id="sidebar" aria-label="Chats">
    <h1>Chats <button id="theme" type="button" aria-label="Dark or light">◐</button></h1>
    <ul id="chats"></ul>
  </nav>
  <main id="pane">
    <header>
      <button id="back" type="button" aria-label="All chats">‹</button>
      <span id="avatar" class="avatar" aria-hidden="true"></span>
      <div class="names">
        <h2 id="title">…</h2>
        <p id="subtitle"></p>
      </div>
      <label id="as" hidden>as <select id="user"></select></label>
    </header>
    <ol id="messages" role="log" aria-label="Messages" tabindex="0"></ol>
    <button id="wide" type="button" hidden></button>
    <div id="reply" hidden>
      <span id="reply-text"></span>
      <button id="reply-cancel" type="button" aria-label="No reply">✕</button>
    </div>
    <form id="composer">
      <textarea id="text" rows="1" placeholder="Message" aria-label="Message" autocomplete="off" disabled></textarea>
      <button id="send" type="submit" aria-label="Send">➤</button>
    </form>
    <div id="toast" role="status"></div>
  </main>
  <dialog id="alert" aria-labelledby="alert-text">
    <p id="alert-text"></p>
    <form method="dialog"><button>OK</button></form>
  </dialog>
</body>
</html>
`;
