/**
 * SVG as text. Pure: numbers and texts in, markup out.
 *
 * @module
 */
import { cut } from "../render/graphemes.ts";
import { COVERED } from "./assets/coverage.ts";

/** Width of all pictures in pixels: that of a phone's screen. */
export const WIDTH = 1080;
export const MARGIN = 40;
/** Width of a character of the monospace font, in parts of its size. */
export const CHARACTER = 0.602;

type Attributes = Record<string, string | number | undefined>;

/** Markup of one element or more. */
export type Svg = string;

export function element(name: string, attributes: Attributes, ...children: Svg[]): Svg {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const listed = given.map(([key, value]) =>
    ` ${key}="${typeof value === "number" ? rounded(value) : escaped(value!)}"`
  );
  return `<${name}${listed.join("")}>${children.join("")}</${name}>`;
}

export interface TextStyle {
  size: number;
  fill: string;
  anchor?: "start" | "middle" | "end";
  bold?: boolean;
}

/** A line of text that the fonts have: our own words, or what {@link drawable} made of others'. `y` is its base line. */
export function label(x: number, y: number, value: string, { size, fill, anchor, bold }: TextStyle): Svg {
  const style = { "font-size": size, fill, "text-anchor": anchor, "font-weight": bold ? "bold" : undefined };
  return element("text", { x, y, ...style, "xml:space": "preserve" }, escaped(value));
}

export const rectangle = (
  x: number,
  y: number,
  width: number,
  height: number,
  fill: string,
  more: Attributes = {},
): Svg => element("rect", { x, y, width: Math.max(0, width), height: Math.max(0, height), fill, ...more });

export const stroke = (points: readonly (readonly [number, number])[], colour: string, more: Attributes = {}): Svg =>
  element("polyline", {
    points: points.map(([x, y]) => `${rounded(x)},${rounded(y)}`).join(" "),
    fill: "none",
    stroke: colour,
    ...more,
  });

/** The whole picture. */
export function picture(height: number, ground: string, ...children: Svg[]): Svg {
  return element(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", width: WIDTH, height, "font-family": "DejaVu Sans Mono" },
    rectangle(0, 0, WIDTH, height, ground),
    ...children,
  );
}

/**
 * Untrusted text as the fonts can draw it, in at most `columns` characters: emoji are left out, and `…` stands for
 * letters of scripts that the fonts lack. `fallback` where no letter and no digit is left.
 */
export function drawable(value: string, columns: number, fallback: string): { value: string; whole: boolean } {
  const line = cut(value, columns * 2).value.replace(/[\u2068\u2069]/g, "");
  let missing = false;
  const drawn = [...line].map((character) => {
    if (isCovered(character.codePointAt(0)!)) return character;
    if (!/[\p{L}\p{N}\p{M}]/u.test(character)) return "";
    missing = true;
    return "…";
  }).join("").replace(/…[…\s]*…/g, "…").trim();
  const short = cut(drawn, columns).value.replace(/[\u2068\u2069]/g, "");
  const said = /[\p{L}\p{N}]/u.test(drawn);
  return { value: said ? short : fallback, whole: !missing && said };
}

function isCovered(code: number): boolean {
  let low = 0;
  let high = COVERED.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [first, last] = COVERED[middle]!;
    if (code < first) high = middle - 1;
    else if (code > last) low = middle + 1;
    else return true;
  }
  return false;
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

const escaped = (raw: string): string => raw.replace(/[&<>"]/g, (character) => ESCAPES[character]!);

const rounded = (value: number): number => Math.round(value * 100) / 100;
