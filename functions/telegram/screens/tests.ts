export { renderTests as testsScreen } from "../render/tests.ts";
