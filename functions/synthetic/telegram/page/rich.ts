/**
 * The part of the page's script that shows rich messages. See `script.ts`.
 *
 * @module
 */
export const RICH = `
const RICH_TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", marked: "mark",
  subscript: "sub", superscript: "sup" };

function richText(text) {
  if (text === undefined) return [];
  if (typeof text === "string") return [text];
  if (Array.isArray(text)) return text.flatMap(richText);
  const inner = richText(text.text);
  switch (text.type) {
    case "spoiler":
      return [spoiler(inner)];
    case "url":
      return [link(text.url, "", ...inner)];
    case "date_time":
      return [el("time", { dateTime: new Date(text.unix_time * 1000).toISOString() }, ...inner)];
    case "custom_emoji":
      return [text.alternative_text];
    case "mathematical_expression":
      return [el("code", { className: "math" }, text.expression)];
    case "anchor":
      return [];
  }
  const tag = RICH_TAGS[text.type];
  return [el(tag ?? "span", { className: tag ? "" : "link" }, ...inner)];
}

const richBlocks = (blocks) => blocks.map(richBlock);

function richBlock(block) {
  const text = richText(block.text);
  const credit = block.credit === undefined ? [] : [el("cite", {}, ...richText(block.credit))];
  switch (block.type) {
    case "heading":
      return el("h" + block.size, {}, ...text);
    case "divider":
      return el("hr", {});
    case "pre": {
      const node = el("pre", {}, el("code", {}, ...text));
      if (block.language) node.dataset.language = block.language;
      return node;
    }
    case "mathematical_expression":
      return el("pre", { className: "math" }, block.expression);
    case "anchor":
      return el("span", {});
    case "list":
      return el("ul", {}, ...block.items.map((item) =>
        el("li", {}, el("span", { className: "label" }, item.has_checkbox ? (item.is_checked ? "☑" : "☐") : item.label),
          el("div", {}, ...richBlocks(item.blocks)))));
    case "blockquote":
      return el("blockquote", {}, ...richBlocks(block.blocks), ...credit);
    case "expandable_blockquote":
      return expandable([...text, ...credit]);
    case "pullquote":
      return el("aside", {}, ...text, ...credit);
    case "details":
      return el("details", { open: block.is_open === true }, el("summary", {}, ...richText(block.summary)),
        ...richBlocks(block.blocks));
    case "table":
      return richTable(block);
  }
  return el(block.type === "footer" ? "footer" : "p", {}, ...text);
}

/** A table that is wider than the message moves sideways in it, as in Telegram. */
function richTable(block) {
  const classes = ["bordered", "striped", "compact"].filter((name) => block["is_" + name]).join(" ");
  const caption = block.caption === undefined ? [] : [el("caption", {}, ...richText(block.caption))];
  const rows = block.cells.map((row) =>
    el("tr", {}, ...row.map((cell) => {
      const node = el(cell.is_header ? "th" : "td", { colSpan: cell.colspan ?? 1, rowSpan: cell.rowspan ?? 1 },
        ...richText(cell.text));
      node.style.textAlign = cell.align;
      node.style.verticalAlign = cell.valign;
      return node;
    })));
  return el("div", { className: "table", tabIndex: 0 }, el("table", { className: classes }, ...caption, ...rows));
}

/** The first words of a rich message. */
function richSummary(blocks) {
  const [first] = richBlocks(blocks.slice(0, 1));
  return first.textContent;
}
`;
