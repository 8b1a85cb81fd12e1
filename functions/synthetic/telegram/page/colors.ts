/**
 * Colours of a Telegram chat, light or dark: as the system says, or as `data-theme` on an element says for what is in it.
 *
 * @module
 */
const LIGHT = `color-scheme: light;
  --surface: #fff; --text: #101518; --dim: #62717c; --line: #dfe4e8; --accent: #1d72b8; --on-accent: #fff;
  --wall: #d5e2d3; --in: #fff; --out: #e6fdd3; --out-dim: #46793a; --code: #eef2f5; --code-text: #8a2f13;
  --key: #4d6a55; --key-text: #fff; --hover: #f1f4f6; --selected: #dcecfa; --spoiler: #9aa7b1; --mark: #fff3a3;`;

const DARK = `color-scheme: dark;
  --surface: #17212b; --text: #f2f5f7; --dim: #93a4b2; --line: #0b1118; --accent: #6ab3f3; --on-accent: #0b1620;
  --wall: #0e1621; --in: #1c2a38; --out: #2b5278; --out-dim: #b4d1ea; --code: #111b25; --code-text: #f0b38f;
  --key: #29394a; --key-text: #eef4f8; --hover: #202b36; --selected: #2b4056; --spoiler: #6c7c8a; --mark: #6b5d12;`;

export const COLORS = `
:root, [data-theme=light] { ${LIGHT} }
@media (prefers-color-scheme: dark) {
  :root:not([data-theme=light]) { ${DARK} }
}
[data-theme=dark], :root[data-theme=dark] { ${DARK} }
`;
