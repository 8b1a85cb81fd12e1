/**
 * The part of the page's script that shows one message: text, picture, document or rich message, what it replies to,
 * and its keyboard. See `script.ts`. It knows nothing of the page around, so `scripts/screens.ts` shows messages with it.
 *
 * @module
 */
export const MESSAGES = `
/** A message in one line. */
function summaryOf(message) {
  return message.text ?? message.caption ?? message.document?.file_name ??
    (message.photo ? "Picture" : message.rich_message ? richSummary(message.rich_message.blocks) : "…");
}

/** Who acts: send takes a text, reply a message; user is the id of who looks at it. */
function bubble(message, { send, reply, user, isGroup }) {
  const time = new Date(message.date * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const replied = message.reply_to_message;
  const forwarded = message.forward_origin;
  const media = message.photo ? photo(message) : message.document ? file(message.document) : undefined;
  const text = message.text ?? message.caption ?? "";
  const answer = reply && el("button", { type: "button", className: "reply", onclick: () => reply(message) }, "↩");
  if (answer) answer.ariaLabel = "Reply";
  const meta = el("span", { className: "meta" }, answer, (message.edit_count > 0 ? "edited " : "") + time);
  const content = message.rich_message
    ? el("div", { className: "content rich" }, ...richBlocks(message.rich_message.blocks), meta)
    : el("div", { className: "content" }, renderEntities(text, message.entities ?? message.caption_entities ?? [], send),
      meta);
  if (message.rich_message?.is_rtl) content.dir = "rtl";
  const above = message.show_caption_above_media;
  return el("div", { className: message.photo || message.rich_message ? "bubble wide" : "bubble" },
    isGroup && message.from.id !== user && el("div", { className: "from" }, message.from.first_name),
    forwarded && el("div", { className: "forwarded" }, "Forwarded from " + forwarded.sender_user.first_name),
    replied && el("div", { className: "quote" }, summaryOf(replied)),
    ...(above ? [content, media] : [media, content]),
  );
}

/** The largest size of it, in the place that it will need; a press opens it by itself. */
function photo(message) {
  const { file_id, width, height } = message.photo[message.photo.length - 1];
  const address = fileAddress(file_id);
  const image = el("img", { src: address, width, height, alt: message.caption ?? "Picture" });
  if (message.has_media_spoiler) return spoiler([image]);
  return el("a", { className: "photo", href: address, target: "_blank" }, image);
}

/** Where a file is; a page that holds its files itself says so before it shows a message. */
let fileAddress = (id) => "client/files/" + id;

function sizeOf(bytes) {
  if (bytes < 1000) return bytes + " B";
  return bytes < 1e6 ? (bytes / 1000).toFixed(1) + " kB" : (bytes / 1e6).toFixed(1) + " MB";
}

function file(document) {
  const icon = el("span", { className: "icon" }, "↓");
  icon.ariaHidden = "true";
  return el("a", { className: "file", href: fileAddress(document.file_id), download: document.file_name ?? "file" }, icon,
    el("span", {}, document.file_name ?? "file", el("small", {}, sizeOf(document.file_size))));
}

/** The function press takes the button, the message and the data. */
function keyboard(message, press) {
  const rows = message.reply_markup?.inline_keyboard ?? [];
  if (rows.length === 0) return [];
  return [el("div", { className: "keyboard" }, ...rows.map((row) =>
    el("div", {}, ...row.map((key) => {
      if (key.url) return link(key.url, "key", key.text);
      const button = el("button", { type: "button", className: "key" }, key.text);
      button.onclick = () => press(button, message, key.callback_data);
      return button;
    }))))];
}
`;
