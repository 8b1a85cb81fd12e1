import type { Theme } from "../callback.ts";

/** Colours of a picture, each with enough contrast to its ground to be read on a phone in the sun. */
export interface Colours {
  ground: string;
  panel: string;
  line: string;
  text: string;
  muted: string;
  step: string;
  call: string;
  error: string;
  detached: string;
  p50: string;
  p95: string;
  runs: string;
}

export const COLOURS: Record<Theme, Colours> = {
  light: {
    ground: "#ffffff",
    panel: "#f2f5f8",
    line: "#d5dce3",
    text: "#17212b",
    muted: "#5b6b7a",
    step: "#2f7fd6",
    call: "#7a4fd0",
    error: "#d22f3c",
    detached: "#b07708",
    p50: "#1f8f63",
    p95: "#7a4fd0",
    runs: "#9dbde0",
  },
  dark: {
    ground: "#17212b",
    panel: "#1f2c38",
    line: "#354554",
    text: "#f1f5f8",
    muted: "#9fb0c0",
    step: "#5ea9f5",
    call: "#b08cf5",
    error: "#ff6b74",
    detached: "#e8b04a",
    p50: "#4fcf98",
    p95: "#b08cf5",
    runs: "#45688f",
  },
};
