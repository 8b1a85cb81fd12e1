/**
 * The page of all screens: one file that needs nothing else, made of the parts of the page to chat in.
 *
 * @module
 */
import { COLORS } from "../../functions/synthetic/telegram/page/colors.ts";
import { ENTITIES } from "../../functions/synthetic/telegram/page/entities.ts";
import { MESSAGE_STYLE } from "../../functions/synthetic/telegram/page/message_style.ts";
import { MESSAGES } from "../../functions/synthetic/telegram/page/messages.ts";
import { RICH } from "../../functions/synthetic/telegram/page/rich.ts";
import { STYLE } from "../../functions/synthetic/telegram/page/style.ts";
import type { Shown } from "./message.ts";

export interface ShownExample {
  renderer: string;
  title: string;
  /** Names its screenshots. */
  id: string;
  shown: Shown[];
}

/** As wide as a small phone. */
const PHONE = 375;

const OWN_STYLE = `
body { display: block; overflow: auto; padding: 16px; }
body > h2 { margin: 32px 0 8px; }
body > h3 { margin: 20px 0 6px; font-size: 15px; font-weight: 500; }
body > h3 small { color: var(--dim); }
nav a { color: var(--accent); margin-right: 12px; }
.phones { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; }
.phone { width: ${PHONE}px; padding: 10px 8px; background: var(--wall); color: var(--text); border-radius: 12px; }
.phone > li { list-style: none; max-width: 88%; }
.refused { color: #c00; font-weight: 600; }
`;

const OWN_SCRIPT = `
function phone(example, shown, theme) {
  const id = example.id + "-" + shown.form + "-" + theme;
  const node = el("ul", { className: "phone", id });
  node.dataset.theme = theme;
  const { message } = shown;
  if (!message) node.append(el("li", { className: "refused" }, "Telegram refuses it: " + shown.refusal));
  else {
    fileAddress = () => shown.data;
    node.append(el("li", {}, bubble(message, { send() {}, isGroup: false }), ...keyboard(message, () => {})));
  }
  return node;
}

const renderers = [...new Set(EXAMPLES.map(({ renderer }) => renderer))];
const nav = el("nav", {}, ...renderers.map((name) => el("a", { href: "#" + name }, name)));
document.body.append(nav);
for (const name of renderers) {
  document.body.append(el("h2", { id: name }, name));
  for (const example of EXAMPLES.filter(({ renderer }) => renderer === name)) {
    for (const shown of example.shown) {
      document.body.append(
        el("h3", {}, example.title + " ", el("small", {}, shown.form + " · " + shown.size)),
        el("div", { className: "phones" }, phone(example, shown, "light"), phone(example, shown, "dark")),
      );
    }
  }
}
`;

export function screensPage(examples: ShownExample[]): string {
  // Within a script element, only its end tag could end the data.
  const data = JSON.stringify(examples).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Screens of the admin bot</title>
  <style>${COLORS}${STYLE}${MESSAGE_STYLE}${OWN_STYLE}</style>
</head>
<body>
<h1>Screens of the admin bot</h1>
<script type="module">
const EXAMPLES = ${data};
${ENTITIES}${RICH}${MESSAGES}${OWN_SCRIPT}</script>
</body>
</html>
`;
}
