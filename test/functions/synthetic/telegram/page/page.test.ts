import { expect, test } from "vitest";
import { setUp } from "../_support.ts";

const get = (path: string) => setUp().telegram.handle(new Request(`http://t${path}`));

test.each([["/", "text/html"], ["/page.js", "text/javascript"], ["/page.css", "text/css"]])(
  "%s is served under a policy that lets nothing in from elsewhere",
  async (path, type) => {
    const response = await get(path);
    expect(response.headers.get("content-type")).toBe(`${type}; charset=utf-8`);
    const policy = response.headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(await response.text()).not.toMatch(/https?:\/\/\w/);
  },
);

test("every file the page names is there", async () => {
  const html = await (await get("/")).text();
  const names = [...html.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map((m) => m[1]);
  expect(names).toEqual(["page.css", "page.js"]);
  for (const name of names) expect((await get(`/${name}`)).status).toBe(200);
});

test("the script parses, finds what it looks for in the page, and never assigns HTML", async () => {
  const script = await (await get("/page.js")).text();
  expect(() => new Function(script)).not.toThrow();
  expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/);
  const html = await (await get("/")).text();
  const ids = new Set([...script.matchAll(/\$\("([^"]+)"\)/g)].map((m) => m[1]));
  expect([...ids].filter((id) => !html.includes(`id="${id}"`))).toEqual([]);
});

test("other paths are not found", async () => {
  expect((await get("/page.html")).status).toBe(404);
  expect((await get("/constructor")).status).toBe(404);
});
