import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { chartSvg } from "../../../../functions/telegram/picture/chart.svg.ts";
import { toPng } from "../../../../functions/telegram/picture/png.ts";
import { waterfallSvg } from "../../../../functions/telegram/picture/waterfall.svg.ts";
import { series, trace } from "../picture_fixture.ts";
import { NOW } from "../screens_fixture.ts";
import { detail, HOSTILE, step } from "../traces_fixture.ts";

/** Width, height and the RGB of each pixel, of an 8 bit PNG without interlacing. */
function decode(png: Uint8Array): { width: number; height: number; at(x: number, y: number): string; all: Buffer } {
  const file = Buffer.from(png);
  const width = file.readUInt32BE(16);
  const height = file.readUInt32BE(20);
  expect([...file.subarray(24, 29)]).toEqual([8, 6, 0, 0, 0]);
  const data: Buffer[] = [];
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) {
    if (file.toString("latin1", at + 4, at + 8) === "IDAT") {
      data.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
    }
  }
  const raw = inflateSync(Buffer.concat(data));
  const all = Buffer.alloc(width * height * 4);
  const paeth = (a: number, b: number, c: number) => {
    const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
  };
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (width * 4 + 1)]!;
    for (let i = 0; i < width * 4; i++) {
      const a = i < 4 ? 0 : all[y * width * 4 + i - 4]!;
      const b = y === 0 ? 0 : all[(y - 1) * width * 4 + i]!;
      const c = i < 4 || y === 0 ? 0 : all[(y - 1) * width * 4 + i - 4]!;
      const add = [0, a, b, (a + b) >> 1, paeth(a, b, c)][filter]!;
      all[y * width * 4 + i] = (raw[y * (width * 4 + 1) + 1 + i]! + add) & 255;
    }
  }
  return { width, height, all, at: (x, y) => `#${all.toString("hex", (y * width + x) * 4, (y * width + x) * 4 + 3)}` };
}

/** How many pixels of a stretch have another colour than its corner. */
function inked(image: ReturnType<typeof decode>, [x1, y1, x2, y2]: readonly [number, number, number, number]): number {
  let found = 0;
  for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) if (image.at(x, y) !== image.at(x1, y1)) found++;
  return found;
}

describe("a trace's picture", () => {
  test("is as wide as a phone, and has its words and bars", async () => {
    const image = decode(await toPng(waterfallSvg(trace, "light")));
    expect(image.width).toBe(1080);
    expect(image.at(0, 0)).toBe("#ffffff");
    // Title, details, the names of both rows, and both durations.
    for (
      const box of [[36, 36, 500, 84], [36, 92, 700, 122], [36, 190, 300, 226], [36, 246, 300, 282], [
        920,
        190,
        1044,
        226,
      ]] as const
    ) {
      expect(inked(image, box)).toBeGreaterThan(300);
    }
    // Half a second of a trace of two: a quarter of the room, in the step's colour; the rest is another's, pale at first.
    expect([image.at(460, 210), image.at(660, 210)]).toEqual(["#2f7fd6", "#f2f5f8"]);
    expect([image.at(600, 266), image.at(800, 266)]).toEqual(["#cab9ec", "#7a4fd0"]);
  });

  test("is dark where that is asked for", async () => {
    const image = decode(await toPng(waterfallSvg(trace, "dark")));
    expect([image.at(0, 0), image.at(460, 210)]).toEqual(["#17212b", "#5ea9f5"]);
  });

  test("of 200 steps is no longer than Telegram shows, and keeps the failed one", async () => {
    const steps = Array.from({ length: 200 }, (_, i) => step(`s${i}`, i, i === 7 ? 1 : 100 + i));
    steps[7]!.status = "error";
    const svg = waterfallSvg(detail(2, { duration_ms: 500, steps }), "light");
    expect(svg).toContain(">s7<");
    expect(svg).toContain(">160 shorter steps of 200 not shown.<");
    const image = decode(await toPng(svg));
    expect(image.height).toBeLessThan(2.2 * image.width);
  });

  test.each([0, 1])("of %i steps is drawn", async (count) => {
    const image = decode(
      await toPng(waterfallSvg(detail(2, { duration_ms: 0, steps: trace.steps.slice(0, count) }), "light")),
    );
    expect(inked(image, [36, 150, 1044, image.height])).toBeGreaterThan(300);
  });

  test("names that the fonts lack are not drawn as boxes", () => {
    const steps = ["支持管道", "поиск", "αναζήτηση", "🙂 smile", "支持 help", "👩‍👩‍👧‍👦"].map((name, i) => step(name, i, 1));
    const names = [
      ...waterfallSvg(detail(2, { steps }), "light").matchAll(/<text x="40" [^>]*font-size="30"[^>]*>([^<]*)</g),
    ];
    expect(names.map((match) => match[1])).toEqual(["step 1", "поиск", "αναζήτηση", "smile", "… help", "step 6"]);
  });

  test.each(HOSTILE.map((name, i) => [i, name] as const))("hostile name %i is drawn", async (_, name) => {
    const hostile = detail(2, {
      pipeline: name,
      status: "error",
      error: name,
      error_step: name,
      steps: [
        step(name, 0, 2_147_483_647, { first_token_ms: 2_147_483_647 }),
        step(name, 2_147_483_647, 0, { status: "detached" }),
      ],
    });
    const image = decode(await toPng(waterfallSvg(hostile, "light")));
    expect(inked(image, [36, 36, 700, 84])).toBeGreaterThan(300);
    // Nothing runs over the edge.
    expect(inked(image, [1065, 0, 1080, image.height])).toBe(0);
  });
});

describe("the chart", () => {
  test("has both curves where their values are, and the bars", async () => {
    const image = decode(await toPng(chartSvg(series(), "light", NOW)));
    expect([image.width, image.height]).toEqual([1080, 1080]);
    // p95 is at the top of the scale, p50 in its middle.
    expect([image.at(600, 220), image.at(600, 410)]).toEqual(["#7a4fd0", "#1f8f63"]);
    // Half of the runs failed.
    const column = (y: number) => image.at(Math.round(150 + 10.5 * 890 / 48), y);
    expect([column(740), column(960)]).toEqual(["#9dbde0", "#d22f3c"]);
    for (const box of [[36, 36, 420, 84], [36, 92, 1000, 122], [60, 200, 140, 620], [150, 610, 1044, 640]] as const) {
      expect(inked(image, box)).toBeGreaterThan(300);
    }
  });

  test("differs in its themes", async () => {
    const [light, dark] = await Promise.all([
      toPng(chartSvg(series(), "light", NOW)),
      toPng(chartSvg(series(), "dark", NOW)),
    ]);
    expect([decode(light).at(0, 0), decode(dark).at(0, 0)]).toEqual(["#ffffff", "#17212b"]);
  });

  test("without a run says so", async () => {
    const svg = chartSvg(series({ count: 0, errors: 0, p50_ms: null, p95_ms: null }), "dark", NOW);
    expect(svg).toContain(">No runs ended in this time.<");
    expect(decode(await toPng(svg)).height).toBe(1080);
  });

  test("of a window of minutes or weeks has few marks", () => {
    for (const hours of [1, 24, 168, 720]) {
      const to = new Date(Date.parse("2025-01-30T12:00:00.000Z") + hours * 3_600_000).toISOString();
      const marks = [...chartSvg({ ...series(), to }, "light", NOW).matchAll(/>(\d\d:\d\d|\d\d-\d\d)</g)];
      expect(marks.length / 2).toBeGreaterThanOrEqual(2);
      expect(marks.length / 2).toBeLessThanOrEqual(8);
    }
  });
});

test("a chart whose last half hour is not over is up to now", () => {
  expect(chartSvg(series(), "light", new Date("2025-01-31T11:45:10Z"))).toContain("until 31 Jan 11:45 UTC");
  expect(chartSvg(series(), "light", NOW)).toContain("until 31 Jan 12:00 UTC");
});
