/**
 * The page's script: shows a chat in its current state and acts on it through `/client/…` (see `client_http.ts`).
 *
 * One string, because it runs in a browser as it stands: no build step. It must hold no backtick and no `\`; and it
 * never assigns HTML: whatever people and bots wrote gets in as text nodes.
 *
 * @module
 */
import { CHATS } from "./chats.ts";
import { ENTITIES } from "./entities.ts";
import { MESSAGES } from "./messages.ts";
import { RICH } from "./rich.ts";
import { THEME } from "./theme.ts";

export const SCRIPT = ENTITIES + RICH + MESSAGES + CHATS + THEME + `
const $ = (id) => document.getElementById(id);

let chats = [];
let view; // the ChatView that is shown
let user; // id of who acts in it
const seen = new Map(); // chat key → version last looked at
const shown = new Map(); // message id → { item, state }
const answers = new Map(); // query id → CallbackAnswer
const waiting = new Map(); // query id → function that takes its answer

// ---- talking to the server

async function call(method, path, body) {
  const response = await fetch("client/" + path, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const result = await response.json();
  if (!response.ok) throw new Error(result.error);
  return result;
}
const act = (path, body) => call("POST", "chats/" + view.key + "/" + path, body).catch((e) => toast(e.message));
/** As a reply to the message that was chosen for it, once. */
function send(text) {
  const reply_to = replyTo?.message_id;
  chooseReply(undefined);
  return act("messages", { user, text, reply_to });
}

let replyTo; // the message that the next one replies to
function chooseReply(message) {
  replyTo = message;
  $("reply").hidden = !message;
  $("reply-text").textContent = message ? summaryOf(message) : "";
  if (message) $("text").focus();
}

async function press(button, message, data) {
  button.ariaBusy = "true";
  const pressed = await act("presses", { user, message_id: message.message_id, data });
  if (!pressed) return void (button.ariaBusy = "false");
  const id = pressed.query_id;
  // The event of the answer may have come before the id of its query.
  const answer = answers.get(id) ?? await new Promise((resolve) => {
    waiting.set(id, resolve);
    setTimeout(resolve, 15000);
  });
  button.ariaBusy = "false";
  if (!answer?.text) return;
  if (answer.show_alert) alertBox(answer.text);
  else toast(answer.text);
}

// ---- a chat

function paintChat() {
  const busy = view.action && view.action.replaceAll("_", " ") + "…";
  $("title").textContent = document.title = nameOf(view);
  $("subtitle").textContent = busy || describe(view);
  $("subtitle").className = busy ? "active" : "";
  paintAvatar($("avatar"), nameOf(view));
  $("as").hidden = view.members.length < 2;
  const [wide] = view.chat.type !== "private" ? [] : view.blocked ? ["Unblock"] : view.started ? [] : ["Start"];
  $("wide").hidden = !wide;
  $("wide").textContent = wide ?? "";
  $("composer").hidden = view.blocked;

  const list = $("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const ids = new Set(view.messages.map((m) => m.message_id));
  for (const [id, { item }] of shown) if (!ids.has(id)) item.remove(), shown.delete(id);
  if (replyTo && !ids.has(replyTo.message_id)) chooseReply(undefined);
  for (const message of view.messages) paintMessage(list, message);
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function paintMessage(list, message) {
  const state = JSON.stringify(message);
  const before = shown.get(message.message_id);
  if (before?.state === state) return;
  const item = before?.item ?? list.appendChild(el("li", { className: message.from.id === user ? "out" : "" }));
  // A keyboard that is replaced under the finger gives its focus to the key in the same place.
  const keys = [...item.querySelectorAll(".key")];
  const focused = keys.indexOf(document.activeElement);
  item.replaceChildren(bubble(message, { send, isGroup: view.chat.type !== "private", user, reply: chooseReply }),
    ...keyboard(message, press));
  if (focused >= 0) (item.querySelectorAll(".key")[focused] ?? $("text")).focus();
  item.dataset.id = message.message_id;
  shown.set(message.message_id, { item, state });
}

// ---- notices

let toastTimer;
function toast(text) {
  $("toast").textContent = text;
  $("toast").className = "shown";
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $("toast").className = "", 4000);
}

function alertBox(text) {
  $("alert-text").textContent = text;
  if (!$("alert").open) $("alert").showModal();
}

// ---- keeping up

let refreshing = false;
let again = false;
/** Fetches and paints; calls while one is under way are one more afterwards. */
async function refresh() {
  if (refreshing) return void (again = true);
  refreshing = true;
  do {
    again = false;
    try {
      chats = await call("GET", "chats");
      const wanted = decodeURIComponent(location.hash.slice(1));
      const key = (chats.find((chat) => chat.key === wanted) ?? chats[0])?.key;
      const next = key && await call("GET", "chats/" + key);
      if (next?.key !== view?.key) open(next);
      view = next;
      if (view) {
        seen.set(view.key, view.version);
        paintChat();
      }
      paintList();
    } catch (error) {
      toast("Cannot reach the server: " + error.message);
    }
  } while (again);
  refreshing = false;
}

function open(next) {
  chooseReply(undefined);
  // Before there is a chat, there is nowhere to send it to.
  const first = $("text").disabled;
  $("text").disabled = !next;
  // On a phone this would bring the keyboard up over the chat.
  if (first && matchMedia("(min-width: 641px)").matches) $("text").focus();
  $("messages").replaceChildren();
  shown.clear();
  user = next?.members[0].id;
  $("user").replaceChildren(...(next?.members ?? []).map((m) => el("option", { value: m.id }, m.first_name)));
}

const events = new EventSource("client/events");
events.onopen = refresh;
// The browser connects again by itself.
events.onerror = () => $("subtitle").textContent = "connecting…";
events.onmessage = ({ data }) => {
  refresh();
  const { kind, answer } = JSON.parse(data);
  if (kind === "answer") {
    answers.set(answer.query_id, answer);
    waiting.get(answer.query_id)?.(answer);
  }
  // What a bot does shows for five seconds, and nothing tells when they are over.
  if (kind === "action") setTimeout(refresh, 5100);
};

addEventListener("hashchange", () => {
  document.body.classList.toggle("chatting", location.hash.length > 1);
  refresh();
});
$("back").onclick = () => document.body.classList.remove("chatting");
$("chats").onclick = () => document.body.classList.add("chatting");
$("reply-cancel").onclick = () => chooseReply(undefined);
$("user").onchange = () => {
  user = Number($("user").value);
  shown.clear();
  $("messages").replaceChildren();
  paintChat();
};
$("wide").onclick = () => view.blocked ? act("block", { blocked: false }) : send("/start");
$("text").onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
};
$("composer").onsubmit = async (event) => {
  event.preventDefault();
  const text = $("text").value;
  if (text.trim() === "") return;
  $("text").value = "";
  if (!await send(text)) $("text").value = text;
  $("messages").scrollTop = $("messages").scrollHeight;
};
document.body.classList.add("chatting");
`;
