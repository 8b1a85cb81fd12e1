/**
 * npm run demo: the whole way of a trace, from an example bot's users to an admin's chat, on the local stack.
 *
 * @module
 */
import { existsSync } from "node:fs";
import process from "node:process";
import { createTracer } from "../../tracer/index.ts";
import { Failure } from "../stack/failure.ts";
import { installPostgres } from "../stack/postgres.ts";
import { readSettings } from "../stack/settings.ts";
import { serve } from "../stack/serve.ts";
import { LOCAL_ADMIN } from "../stack/admin_bot.ts";
import { POSTGRES_DIR, stackDir, type StackInfo, startStack } from "../stack/stack.ts";
import { claimStack, deadParts, noteStack, readState, releaseStack } from "../stack/state.ts";
import { type Conversation, CONVERSATIONS } from "./conversations.ts";
import { createExampleBot, SORRY, STEPS } from "../../examples/support-bot/bot.ts";
import { createLlm, type LlmOptions } from "../../examples/support-bot/llm.ts";
import { createOrders, ordersFinder } from "./orders.ts";
import { openChat } from "./person.ts";
import { showMessage } from "./show.ts";
import { CALM_KEY, standInLlm } from "./stand_in_llm.ts";

const HELP = `The whole way of a trace, on this machine: the local stack, an example bot, and what its admin sees.

  npm run demo             ends with a page to chat in; Ctrl-C stops everything that it has started
  npm run demo -- --once   the same without the page; exit code 0 when every part worked

The example bot's LLM is a local stand-in. With OPENROUTER_API_KEY set it is the real one, and a few conversations cost
about a cent. Other settings: .env.example.`;

/** With a real provider, so that a demo costs next to nothing. */
const PAID_CONVERSATIONS = 2;
const ANSWER_TIMEOUT_MS = 30_000;

const stops: (() => Promise<unknown> | void)[] = [];
let stopping = false;
async function stopAll(): Promise<void> {
  stopping = true;
  for (let stop = stops.pop(); stop; stop = stops.pop()) await stop();
}

const interrupted = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
});

async function main(once: boolean): Promise<void> {
  const { llm, paid } = await chooseLlm();
  const info = await stackInfo({ llm, paid });
  if (paid) {
    const host = new URL(llm.baseUrl).host;
    console.log(`LLM: ${llm.model} at ${host}, paid with your key, ${PAID_CONVERSATIONS} conversations.`);
  }
  const conversations = paid ? CONVERSATIONS.slice(0, PAID_CONVERSATIONS) : CONVERSATIONS;
  await createOrders(info, CONVERSATIONS.map(({ user }) => user.id));

  const tracer = createTracer({
    url: info.functions["ingest"],
    key: info.ingest_key,
    steps: STEPS,
    flushOnExit: false,
  });
  const bot = createExampleBot({
    token: info.example_bot_token,
    apiRoot: info.telegram_url,
    tracer,
    llm: createLlm(llm),
    findOrders: ordersFinder(info),
  });
  const polling = bot.launch();
  polling.catch(() => {}); // it ends when it is stopped
  stops.push(async () => {
    bot.stop();
    await tracer.close();
  });

  const { answered, apologies, commands } = await runConversations(info, conversations);
  // A trace ends a moment after its last message.
  for (let i = 0; i < 100 && tracer.stats().recorded < answered + commands; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (!await tracer.flush()) throw new Error(`The tracer could not deliver: ${JSON.stringify(tracer.stats())}`);
  const { delivered, dropped } = tracer.stats();
  if (Object.keys(dropped).length > 0) throw new Error(`Traces were dropped: ${JSON.stringify(dropped)}`);
  console.log(`Traces delivered: ${delivered}`);

  const admin = await openChat(info.telegram_url, LOCAL_ADMIN, info.telegram_bot_username);
  const ask = async (text: string) => {
    const shown = await admin.answer(await admin.write(text), () => true, ANSWER_TIMEOUT_MS);
    console.log(`\n${LOCAL_ADMIN.first_name} writes ${text}, and Telegram shows:\n\n${showMessage(shown)}\n`);
    return shown;
  };
  for (const text of ["/admin", "/admin errors"]) await ask(text);
  const page = await ask("/admin traces");
  if (!/support/.test(page.text ?? "")) throw new Error("The first page shows none of the traces.");

  if (apologies === answered) {
    throw new Failure(
      `The LLM failed for each of ${answered} messages.`,
      "The traces above say how. Check OPENROUTER_API_KEY, OPENROUTER_BASE_URL and OPENROUTER_MODEL.",
    );
  }

  if (once) return;
  await openChat(info.telegram_url, LOCAL_ADMIN, "support_example_bot");
  console.log(`Open ${info.telegram_url} in a browser, write /admin there and press the buttons; or write to`);
  console.log(`Acme Support as ${LOCAL_ADMIN.first_name}, and look at the trace of it. Ctrl-C stops.`);
  await interrupted;
}

/** Of the stack that is running, or else of one that this process starts and stops. */
async function stackInfo({ llm, paid }: { llm: LlmOptions; paid: boolean }): Promise<StackInfo> {
  const dir = stackDir();
  const state = readState(dir);
  const running = state?.info;
  if (running) {
    const ended = deadParts(state);
    if (ended.length > 0) {
      throw new Failure(`Of the running stack, ${ended.join(" and ")} has ended.`, "Repair it: npm run stack -- up");
    }
    if (running.telegram_api_root !== running.telegram_url) {
      throw new Failure(
        `The running stack's admin bot talks to ${running.telegram_api_root}, so nobody could read it here.`,
        "Stop it (npm run stack -- down), and let the demo start its own.",
      );
    }
    console.log("Using the stack that is running.");
    return running;
  }
  // The demo's Telegram is its own, whatever the settings say of the real one.
  const { STACK_API_PORT, STACK_DB_PORT, STACK_TELEGRAM_PORT } = readSettings(process.env);
  const settings = {
    ...(STACK_API_PORT && { STACK_API_PORT }),
    ...(STACK_DB_PORT && { STACK_DB_PORT }),
    ...(STACK_TELEGRAM_PORT && { STACK_TELEGRAM_PORT }),
  };
  const say = (line: string) => console.log(line);
  await installPostgres(POSTGRES_DIR, say);
  await claimStack(dir, "npm run demo", settings);
  stops.push(() => releaseStack(dir));
  // Synthetic tests of the example bot have its LLM.
  const env = { ...settings, OPENROUTER_API_KEY: paid ? llm.key : CALM_KEY, OPENROUTER_BASE_URL: llm.baseUrl };
  const starting = startStack({ dir, env, alerts: true, say });
  // Also when it is interrupted before all of it has started.
  stops.push(() => starting.then((stack) => stack.stop(), () => {}));
  const stack = await starting;
  if (stopping) return new Promise(() => {}); // whoever interrupted us waits for the end, not for the demo
  noteStack(dir, stack);
  return stack.info;
}

async function chooseLlm(): Promise<{ llm: LlmOptions; paid: boolean }> {
  const key = process.env["OPENROUTER_API_KEY"];
  if (key) {
    const baseUrl = process.env["OPENROUTER_BASE_URL"] || "https://openrouter.ai/api/v1";
    const model = process.env["OPENROUTER_MODEL"] || "openai/gpt-4o-mini";
    return { llm: { baseUrl, key, model, timeoutMs: 20_000 }, paid: true };
  }
  const standIn = await serve(standInLlm, { port: 0 });
  stops.push(() => standIn.close());
  return { llm: { baseUrl: `${standIn.url}/v1`, key: "local", model: "stand-in-mini" }, paid: false };
}

interface Outcome {
  /** Messages that the LLM had to answer, and how many got an apology instead. */
  answered: number;
  apologies: number;
  /** Messages that it had not. */
  commands: number;
}

/** All customers at once, each one's messages in turn. */
async function runConversations(info: StackInfo, conversations: Conversation[]): Promise<Outcome> {
  const total = conversations.reduce((sum, { says }) => sum + says.length, 0);
  const outcome: Outcome = { answered: 0, apologies: 0, commands: 0 };
  const labels = new Set<string>(Object.values(STEPS));
  await Promise.all(conversations.map(async ({ user, says }) => {
    const customer = await openChat(info.telegram_url, user, "support_example_bot");
    for (const text of says) {
      const id = await customer.write(text);
      const { text: answer } = await customer.answer(id, ({ text }) => !labels.has(text ?? ""), ANSWER_TIMEOUT_MS);
      if (text.startsWith("/")) outcome.commands++;
      else outcome.answered++;
      if (answer === SORRY) outcome.apologies++;
      showProgress(outcome.answered + outcome.commands, total);
    }
  }));
  return outcome;
}

function showProgress(done: number, total: number): void {
  const line = `Example bot: ${done} of ${total} messages answered`;
  if (process.stdout.isTTY) process.stdout.write(`\r${line}${done === total ? "\n" : ""}`);
  else if (done === total || done % 10 === 0) console.log(line);
}

const flags = process.argv.slice(2);
if (flags.includes("--help") || flags.includes("-h")) {
  console.log(HELP);
} else if (flags.some((flag) => flag !== "--once")) {
  console.error(`Unknown: ${flags.filter((flag) => flag !== "--once").join(" ")}\n\n${HELP}`);
  process.exitCode = 2;
} else {
  try {
    if (existsSync(".env")) process.loadEnvFile(".env");
    const stopped = interrupted.then(() => process.exitCode ??= flags.includes("--once") ? 130 : 0);
    await Promise.race([main(flags.includes("--once")), stopped]);
  } catch (error) {
    console.error(error instanceof Failure ? `${error.message}\n${error.todo}` : error);
    process.exitCode = 1;
  } finally {
    await stopAll();
  }
  // A call to an LLM may still be waiting.
  process.exit();
}
