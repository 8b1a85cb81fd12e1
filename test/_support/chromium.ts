/** Chromium for the browser tests: Debian's headless shell, unpacked under `.stack/`. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { installDebs } from "../../scripts/stack/debs.ts";
import { STACK_DIR } from "../../scripts/stack/stack.ts";

const DIR = join(STACK_DIR, "chromium");
const PACKAGES = ["chromium-headless-shell", "fonts-dejavu-core", "fonts-noto-color-emoji"];

/** @throws {Failure} when it is not installed and cannot be fetched. */
export async function launchChromium(): Promise<Browser> {
  const root = await installDebs(
    DIR,
    { title: "Chromium", packages: PACKAGES, from: "missing" },
    (line) => console.log(line),
  );
  return await chromium.launch({
    executablePath: join(root, "usr/lib/chromium/chromium-headless-shell"),
    // The kernel's sandbox is for pages of strangers; ours need not be root's or have user namespaces.
    args: ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"],
    env: { ...process.env, LD_LIBRARY_PATH: libraries(root), FONTCONFIG_FILE: fontConfig(root) },
  });
}

/** Every folder with libraries in it: some are found through paths that are built into other libraries. */
function libraries(root: string): string {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" });
  const folders = new Set(files.filter((file) => /\.so(\.\d+)*$/.test(file)).map((file) => join(root, dirname(file))));
  return [...folders].join(":");
}

/** The fonts that were unpacked, and the machine's; without a preference, the first one found would be taken. */
function fontConfig(root: string): string {
  const file = join(DIR, "fonts.conf");
  if (!existsSync(file)) {
    const folders = [join(root, "usr/share/fonts"), "/usr/share/fonts"].map((dir) => `<dir>${dir}</dir>`);
    const aliases = [["system-ui", "DejaVu Sans"], ["sans-serif", "DejaVu Sans"], ["monospace", "DejaVu Sans Mono"]]
      .map(([family, font]) =>
        `<alias binding="strong"><family>${family}</family><prefer><family>${font}</family></prefer></alias>`
      );
    const header = `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">`;
    writeFileSync(
      file,
      [header, "<fontconfig>", ...folders, ...aliases, `<cachedir>${join(DIR, "fonts")}</cachedir>`, "</fontconfig>"]
        .join("\n"),
    );
  }
  return file;
}
