// A `Request → Response` handler as a `fetch` without a socket: it aborts and fails as the real one does.

export function fetchOf(handle: (request: Request) => Promise<Response>): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    request.signal.throwIfAborted();
    // Who has only the signal of a request is not told: the request has to be held.
    const left = new Promise<never>((_, reject) =>
      request.signal.addEventListener("abort", () => reject(request.signal.reason))
    );
    left.catch(() => {});
    const response = await Promise.race([handle(request), left]);
    if (response.type === "error") throw new TypeError("fetch failed", { cause: new Error("other side closed") });
    if (response.body === null) return response;
    const reader = response.body.getReader();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const { done, value } = await Promise.race([reader.read(), left]);
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          reader.cancel(error).catch(() => {});
          controller.error(
            request.signal.aborted ? request.signal.reason : new TypeError("terminated", { cause: error }),
          );
        }
      },
      cancel: (reason) => reader.cancel(reason),
    }, { highWaterMark: 0 });
    const { status, statusText, headers } = response;
    return new Response(body, { status, statusText, headers });
  };
}
