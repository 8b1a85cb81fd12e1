/** The gateway in a process of its own: in that of Telegram and the LLM, whatever the tracer sends would make these two late. */
import { setPriority } from "node:os";
import process from "node:process";
import { type GatewayOptions, startGateway } from "../../stack/gateway.ts";

setPriority(10);
const { PORT, REST_PORT, FUNCTIONS, JWT_SECRET } = process.env as Record<string, string>;
const functions = new Map(JSON.parse(FUNCTIONS!) as [string, { port: number; verifyJwt: boolean }][]);
const options: GatewayOptions = { port: Number(PORT), restPort: Number(REST_PORT), functions, jwtSecret: JWT_SECRET! };
const started = startGateway(options);

process.on("message", () => void started.then(() => process.send!({})));
process.on("disconnect", () => process.exit());
