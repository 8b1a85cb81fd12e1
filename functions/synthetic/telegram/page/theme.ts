/**
 * The part of the page's script that turns it dark or light: as the system says, until somebody chooses. See `script.ts`.
 *
 * @module
 */
export const THEME = `
const isDark = () =>
  (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) ===
    "dark";

function choose(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
}

if (localStorage.getItem("theme")) choose(localStorage.getItem("theme"));
document.getElementById("theme").onclick = () => choose(isDark() ? "light" : "dark");
`;
