export { renderHelp as helpScreen } from "../render/help.ts";
