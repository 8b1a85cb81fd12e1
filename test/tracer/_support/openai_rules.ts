// What OpenAI and OpenRouter refuse: the checks of their servers, as far as a client can run into them.

/** The parsed body of a request. */
// deno-lint-ignore no-explicit-any
export type Body = Record<string, any>;

const SAMPLING =
  "model temperature top_p stream stream_options tools tool_choice parallel_tool_calls metadata store user";
const CHAT =
  "messages max_tokens max_completion_tokens n stop seed response_format reasoning_effort logprobs service_tier";
const KNOWN: Record<string, string[]> = {
  "/chat/completions": `${SAMPLING} ${CHAT}`.split(" "),
  "/responses": `${SAMPLING} input instructions max_output_tokens reasoning text previous_response_id`.split(" "),
  "/embeddings": "model input dimensions encoding_format user".split(" "),
};

/** @returns Why the request is refused, or undefined. */
export function refusal(path: string, body: Body, router: boolean): string | undefined {
  // OpenRouter's own parameter. OpenAI refuses what it does not know.
  const known = [...KNOWN[path]!, ...(router ? ["usage"] : [])];
  const unknown = Object.keys(body).find((key) => !known.includes(key));
  if (unknown !== undefined) return `Unrecognized request argument supplied: ${unknown}`;
  if (typeof body.model !== "string") return "you must provide a model parameter";
  if (body.stream !== undefined && typeof body.stream !== "boolean") return "'stream' is not of type 'boolean'";
  if (body.stream_options && !body.stream) return "'stream_options' is only allowed when 'stream' is enabled.";
  if (!between(body.temperature ?? 1, 0, 2)) return `${body.temperature} is not between 0 and 2 - 'temperature'`;
  if (!between(body.n ?? 1, 1, 128)) return `${body.n} is not between 1 and 128 - 'n'`;
  if (body.tools && !body.tools.every?.((tool: Body) => tool.type === "function" && (tool.function ?? tool).name)) {
    return "Invalid value for 'tools'.";
  }
  if (path === "/chat/completions") return messagesRefusal(body.messages);
  const { input } = body;
  const given = typeof input === "string" ? input !== "" : Array.isArray(input) && input.length > 0;
  return given ? undefined : "Missing required parameter: 'input'.";
}

function messagesRefusal(messages: unknown): string | undefined {
  if (!Array.isArray(messages) || messages.length === 0) return "[] is too short - 'messages'";
  for (const [i, { role, content, tool_calls, tool_call_id }] of messages.entries()) {
    if (!["system", "developer", "user", "assistant", "tool"].includes(role)) {
      return `Invalid value: 'messages[${i}].role'`;
    }
    if (role === "tool" && !tool_call_id) return `Missing parameter 'tool_call_id' in 'messages[${i}]'`;
    const empty = content === undefined || content === null;
    if (empty ? !(role === "assistant" && tool_calls) : typeof content !== "string" && !Array.isArray(content)) {
      return `Invalid value for 'content': expected a string, got null. 'messages[${i}].content'`;
    }
  }
  return undefined;
}

const between = (value: unknown, least: number, most: number) =>
  typeof value === "number" && value >= least && value <= most;
