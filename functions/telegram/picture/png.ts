/**
 * PNG from SVG. Program and fonts are loaded with the first picture: other screens pay nothing for them.
 *
 * @module
 */
import type { Resvg as ResvgClass } from "@resvg/resvg-wasm";
import { WIDTH } from "./svg.ts";

interface Drawing {
  Resvg: typeof ResvgClass;
  fonts: Uint8Array[];
}

let drawing: Promise<Drawing> | undefined;

async function load(): Promise<Drawing> {
  const [{ initWasm, Resvg }, program, ...fonts] = await Promise.all([
    import("@resvg/resvg-wasm"),
    import("./assets/resvg.ts").then(unpacked),
    import("./assets/regular.ts").then(unpacked),
    import("./assets/bold.ts").then(unpacked),
  ]);
  await initWasm(program);
  return { Resvg, fonts };
}

async function unpacked(asset: { default: string }): Promise<Uint8Array<ArrayBuffer>> {
  const text = atob(asset.default);
  const packed = new Uint8Array(text.length);
  // A loop, and not `from`, which would hold every character in an array first.
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Draws at the picture's own size. The SVG is ours, and refers to nothing outside it. */
export async function toPng(svg: string): Promise<Uint8Array> {
  // What failed once may succeed later, so a failure is not kept.
  drawing ??= load().catch((error) => {
    drawing = undefined;
    throw error;
  });
  const { Resvg, fonts } = await drawing;
  const image = new Resvg(svg, {
    font: { fontBuffers: fonts, defaultFontFamily: "DejaVu Sans Mono", monospaceFamily: "DejaVu Sans Mono" },
    fitTo: { mode: "width", value: WIDTH },
  });
  try {
    const rendered = image.render();
    try {
      return rendered.asPng();
    } finally {
      rendered.free();
    }
  } finally {
    // What wasm holds, no garbage collector takes back.
    image.free();
  }
}
