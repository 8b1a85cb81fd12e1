import { renderDrops, renderSettings } from "../../../../functions/telegram/render/settings.ts";
import { settings } from "../access_fixture.ts";
import type { Example } from "./examples.ts";

export const examples: Example[] = [
  { title: "to an owner", reply: renderSettings(settings, { mayChange: true, changed: false }) },
  {
    title: "changed",
    reply: renderSettings({ ...settings, trace_days: 14, io_sample_percent: 10 }, { mayChange: true, changed: true }),
  },
  {
    title: "to others, nearly full, alerts go nowhere",
    reply: renderSettings({ ...settings, guard_io_sample_percent: 10, alert_url: null }, {
      mayChange: false,
      changed: false,
    }),
  },
  {
    title: "confirmation",
    reply: renderDrops({ setting: 0, choice: 0 }, { trace_days: 7, io_days: 7 }, {
      trace_days: 23,
      io_days: 1,
      bytes: 123_400_000,
    }),
  },
];
