/**
 * The part of the page's script that makes DOM nodes, and shows a text with its entities. See `script.ts`.
 *
 * @module
 */
export const ENTITIES = `
function el(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child || child === 0));
  return node;
}

/** A link to the web, or plain text when the address is anything else. */
function link(url, className, ...children) {
  if (!/^https?:[/][/]/i.test(url)) return el("span", { className: "link " + className }, ...children);
  return el("a", { href: url, className, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

const LINE_FEED = String.fromCharCode(10);

/** Offsets count UTF-16 units, as JavaScript does. An entity that sticks out of another one is cut in two there. */
function renderEntities(text, entities, send) {
  function range(from, to, list) {
    const nodes = [];
    const rest = [...list].sort((a, b) => a.offset - b.offset || b.length - a.length);
    while (rest.length > 0) {
      const entity = rest.shift();
      const end = entity.offset + entity.length;
      const inner = [];
      while (rest.length > 0 && rest[0].offset < end) {
        const child = rest.shift();
        const over = child.offset + child.length - end;
        inner.push(over > 0 ? { ...child, length: child.length - over } : child);
        if (over > 0) rest.unshift({ ...child, offset: end, length: over });
        if (over > 0 && rest[0].offset >= end) rest.sort((a, b) => a.offset - b.offset || b.length - a.length);
      }
      // A block breaks the line by itself; the line feeds around it would show as empty lines.
      const block = /^(pre|blockquote|expandable_blockquote)$/.test(entity.type);
      const before = text.slice(from, entity.offset);
      nodes.push(block && before.endsWith(LINE_FEED) ? before.slice(0, -1) : before);
      nodes.push(wrap(entity, range(entity.offset, end, inner)));
      from = block && text[end] === LINE_FEED && end < to ? end + 1 : end;
    }
    nodes.push(text.slice(from, to));
    return nodes.filter((node) => node !== "");
  }

  function wrap(entity, children) {
    const covered = text.slice(entity.offset, entity.offset + entity.length);
    const tags = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", blockquote: "blockquote" };
    switch (entity.type) {
      case "expandable_blockquote":
        return expandable(children);
      case "date_time":
        return el("time", { dateTime: new Date(entity.unix_time * 1000).toISOString() }, ...children);
      case "pre": {
        const node = el("pre", {}, el("code", {}, ...children));
        if (entity.language) node.dataset.language = entity.language;
        return node;
      }
      case "text_link":
        return link(entity.url, "", ...children);
      case "url":
        return link(covered, "", ...children);
      case "bot_command":
        return el("button", { type: "button", className: "command", onclick: () => send(covered) }, ...children);
      case "spoiler":
        return spoiler(children);
    }
    return el(tags[entity.type] ?? "span", { className: tags[entity.type] ? "" : "link" }, ...children);
  }
  const fragment = document.createDocumentFragment();
  fragment.append(...range(0, text.length, entities));
  return fragment;
}

/** Three lines, and all of it after a press anywhere on it. */
function expandable(children) {
  const toggle = el("button", { type: "button", className: "expand" }, "⌄");
  const node = el("blockquote", { className: "expandable" }, el("div", {}, ...children), toggle);
  const show = (open) => {
    node.classList.toggle("open", open);
    toggle.ariaExpanded = String(open);
    toggle.ariaLabel = open ? "Show less" : "Show more";
  };
  // Who marks text with the mouse does not mean to fold it.
  node.onclick = () => getSelection().isCollapsed && show(!node.classList.contains("open"));
  show(false);
  return node;
}

function spoiler(children) {
  const node = el("span", { className: "spoiler", tabIndex: 0, role: "button" }, ...children);
  node.ariaLabel = "Hidden text, press to show";
  node.onclick = () => {
    node.classList.add("shown");
    node.removeAttribute("role");
    node.removeAttribute("tabindex");
    node.ariaLabel = null;
  };
  node.onkeydown = (event) => event.key === "Enter" && node.onclick();
  return node;
}
`;
