/**
 * Writes functions/telegram/picture/assets/ from packages: the program that draws and its fonts, as modules, and which
 * characters the fonts have. `--check` only compares. Why modules: docs/decisions/09-picture-assets.md.
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

const ASSETS = new URL("../functions/telegram/picture/assets/", import.meta.url);
const require = createRequire(import.meta.url);

const FILES: Readonly<Record<string, string>> = {
  resvg: "@resvg/resvg-wasm/index_bg.wasm",
  regular: "dejavu-fonts-ttf/ttf/DejaVuSansMono.ttf",
  bold: "dejavu-fonts-ttf/ttf/DejaVuSansMono-Bold.ttf",
};

const read = (path: string): Buffer => readFileSync(require.resolve(path));

const moduleOf = (path: string): string =>
  `// ${path}, gzip and base64. Made by \`npm run assets\`.\nexport default "${
    gzipSync(read(path), { level: 9 }).toString("base64")
  }";\n`;

/** Whether the module holds what the package has. Compressed, it may differ from one zlib to another. */
function holds(module: string, path: string): boolean {
  const packed = /"([^"]+)"/.exec(module)?.[1];
  return packed !== undefined && gunzipSync(Buffer.from(packed, "base64")).equals(read(path));
}

/** Code points that a font has a glyph for, from the tables of format 12 and 4 of its cmap. */
export function codePoints(font: Buffer): Set<number> {
  const tables = Array.from({ length: font.readUInt16BE(4) }, (_, i) => 12 + i * 16);
  const entry = tables.find((at) => font.toString("latin1", at, at + 4) === "cmap")!;
  const cmap = font.readUInt32BE(entry + 8);
  const found = new Set<number>();
  for (let i = 0; i < font.readUInt16BE(cmap + 2); i++) {
    const at = cmap + font.readUInt32BE(cmap + 4 + i * 8 + 4);
    const platform = font.readUInt16BE(cmap + 4 + i * 8);
    if (font.readUInt16BE(at) === 12) addGroups(font, at, found);
    // Of the Macintosh's own tables, the characters are in another order.
    else if (font.readUInt16BE(at) === 4 && platform !== 1) addSegments(font, at, found);
  }
  return found;
}

function addGroups(font: Buffer, at: number, found: Set<number>): void {
  for (let i = 0; i < font.readUInt32BE(at + 12); i++) {
    const group = at + 16 + i * 12;
    for (let code = font.readUInt32BE(group); code <= font.readUInt32BE(group + 4); code++) found.add(code);
  }
}

function addSegments(font: Buffer, at: number, found: Set<number>): void {
  const size = font.readUInt16BE(at + 6);
  for (let i = 0; i < size; i += 2) {
    const last = font.readUInt16BE(at + 14 + i);
    const first = font.readUInt16BE(at + 16 + size + i);
    const delta = font.readUInt16BE(at + 16 + 2 * size + i);
    const offsetAt = at + 16 + 3 * size + i;
    const offset = font.readUInt16BE(offsetAt);
    for (let code = first; code <= last && code < 0xffff; code++) {
      const glyph = offset === 0 ? code + delta : font.readUInt16BE(offsetAt + offset + 2 * (code - first));
      if (glyph % 65536 !== 0) found.add(code);
    }
  }
}

function coverage(): string {
  const bold = codePoints(read(FILES["bold"]!));
  const both = [...codePoints(read(FILES["regular"]!))].filter((code) => code >= 0x20 && bold.has(code)).sort((a, b) =>
    a - b
  );
  const ranges: [number, number][] = [];
  for (const code of both) {
    const last = ranges.at(-1);
    if (last && last[1] === code - 1) last[1] = code;
    else ranges.push([code, code]);
  }
  const rows = ranges.map(([first, last]) => `  [0x${first.toString(16)}, 0x${last.toString(16)}],\n`);
  return `/** Code points that both fonts have, from the first to the last of each range. Made by \`npm run assets\`. */\n` +
    `export const COVERED: readonly (readonly [number, number])[] = [\n${rows.join("")}];\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes("--check");
  const stale = (name: string) => {
    console.error(`functions/telegram/picture/assets/${name} is not what the packages have. Run \`npm run assets\`.`);
    process.exitCode = 1;
  };
  mkdirSync(ASSETS, { recursive: true });
  for (const [name, path] of Object.entries(FILES)) {
    const file = new URL(`${name}.ts`, ASSETS);
    if (!check) writeFileSync(file, moduleOf(path));
    else if (!holds(readFileSync(file, "utf8"), path)) stale(`${name}.ts`);
  }
  const file = new URL("coverage.ts", ASSETS);
  if (!check) writeFileSync(file, coverage());
  else if (readFileSync(file, "utf8") !== coverage()) stale("coverage.ts");
}
