export { renderUsage as usageScreen } from "../render/usage.ts";
