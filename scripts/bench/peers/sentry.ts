/** Sentry's `startSpan`, every trace sampled; its envelopes are taken at once. */
import * as Sentry from "@sentry/node";
import { measure, type Work } from "../tracer/worker.ts";

let taken = 0;
Sentry.init({
  dsn: "https://key@o1.sentry.invalid/1",
  tracesSampleRate: 1,
  transport: (options: unknown) =>
    Sentry.createTransport(options, ({ body }: { body: string | Uint8Array }) => {
      taken += String(body).match(/"is_segment":true/g)?.length ?? 0;
      return Promise.resolve({ statusCode: 200 });
    }),
});

const spanned = (name: string, work: Work): Work => () => Sentry.startSpan({ name }, work);

measure({
  step: spanned,
  trace: spanned,
  settle: () => Sentry.flush(),
  taken: () => taken,
});
