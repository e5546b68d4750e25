import type { Api } from "./api";

/** Reads a list as CSV, page by page, and has the browser save it as one file. Returns how many rows it has. */
export async function downloadCsv(api: Api, query: string, onRows: (count: number) => void): Promise<number> {
  const parts: string[] = [];
  const parameters = new URLSearchParams(query);
  parameters.set("limit", "100");
  let rows = 0;
  for (let cursor: string | null = ""; cursor !== null; ) {
    if (cursor) parameters.set("cursor", cursor);
    const page = await api.historyCsv(parameters);
    const headerEnd = page.text.indexOf("\r\n") + 2;
    parts.push(parts.length === 0 ? page.text : page.text.slice(headerEnd));
    rows += page.text.slice(headerEnd).split("\r\n").length - 1;
    onRows(rows);
    cursor = page.cursor;
  }
  save(new Blob(parts, { type: "text/csv" }), `payments-${parameters.get("from")}-${parameters.get("to")}.csv`);
  return rows;
}

function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
