/**
 * Answers that come of the client itself, in the shape of a provider's errors.
 *
 * @module
 */

/** Neither the `openai` client nor who repeats what has failed by its status asks again. */
export const refusal = (status: number, code: string, message: string): Response =>
  Response.json({ error: { message, type: "synthetic_test", code } }, {
    status,
    headers: { "x-should-retry": "false" },
  });
