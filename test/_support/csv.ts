/** Reads CSV as RFC 4180 has it, from the RFC and not from what writes it. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  for (let at = 0; at < text.length;) {
    const row: string[] = [];
    for (;;) {
      let cell = "";
      if (text[at] === '"') {
        for (at++;; at++) {
          if (at >= text.length) throw new Error("a quoted field without an end");
          if (text[at] !== '"') cell += text[at];
          else if (text[at + 1] === '"') cell += text[++at];
          else break;
        }
        at++;
      } else {
        while (at < text.length && !/[,\r\n]/.test(text[at]!)) {
          if (text[at] === '"') throw new Error("a quote in a field that is not quoted");
          cell += text[at++];
        }
      }
      row.push(cell);
      if (text[at] !== ",") break;
      at++;
    }
    rows.push(row);
    if (text.slice(at, at + 2) !== "\r\n") throw new Error(`no line end at ${at}`);
    at += 2;
  }
  return rows;
}
