/**
 * The part of the page's script that lists the chats. See `script.ts`, whose variables it reads.
 *
 * @module
 */
export const CHATS = `
function nameOf(chat) {
  const bot = chat.bots[0];
  return chat.chat.title ?? bot.first_name;
}

function describe(chat) {
  if (chat.chat.type !== "private") return chat.members.length + chat.bots.length + " members";
  return "bot · you are " + chat.members[0].first_name;
}

function paintAvatar(node, name) {
  node.className = "avatar tone" + [...name].reduce((sum, c) => sum + c.codePointAt(0), 0) % 6;
  node.textContent = [...name][0].toUpperCase();
}

function paintList() {
  $("chats").replaceChildren(...chats.map((chat) => {
    const current = view?.key === chat.key;
    const last = chat.last_message;
    const avatar = el("span", { ariaHidden: "true" });
    paintAvatar(avatar, nameOf(chat));
    const button = el("button", { type: "button", className: "chat", onclick: () => location.hash = chat.key },
      avatar,
      el("span", { className: "names" },
        el("b", {}, nameOf(chat), chat.chat.type === "private" && el("small", {}, " as " + chat.members[0].first_name)),
        el("span", { className: "last" }, last ? summaryOf(last) : describe(chat))),
    );
    button.ariaCurrent = String(current);
    if (!current && last && chat.version > (seen.get(chat.key) ?? 0)) {
      const dot = el("span", { className: "unread", role: "img" });
      dot.ariaLabel = "new";
      button.append(dot);
    }
    return el("li", {}, button);
  }));
}
`;
