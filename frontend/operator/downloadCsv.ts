import type { Locale } from "../src/locale";
import type { Api } from "./api";

/**
 * Reads a list as CSV, page by page, and has the browser save it as one file. Returns how many rows it has.
 *
 * `since`: milliseconds; the file ends before the first payment that was claimed earlier.
 */
export async function downloadCsv(
  api: Api,
  query: string,
  since: number,
  onRows: (count: number) => void,
): Promise<number> {
  const parts: string[] = [];
  const parameters = new URLSearchParams(query);
  parameters.set("limit", "100");
  let rows = 0;
  for (let cursor: string | null = ""; cursor !== null; ) {
    if (cursor) parameters.set("cursor", cursor);
    const page = await api.historyCsv(parameters);
    const [header, ...all] = page.text.split(LINE_END).filter((line) => line !== "");
    const wanted = all.slice(0, countSince(all, since));
    parts.push(...(parts.length === 0 ? [header, ...wanted] : wanted).map((line) => line + LINE_END));
    rows += wanted.length;
    onRows(rows);
    cursor = wanted.length < all.length ? null : page.cursor;
  }
  save(new Blob(parts, { type: "text/csv" }), `payments-${parameters.get("from")}-${parameters.get("to")}.csv`);
  return rows;
}

const LINE_END = "\r\n";

/** Returns how many lines come before that of an earlier payment. A line begins with when its payment was claimed. */
function countSince(lines: readonly string[], since: number): number {
  const first = lines.findIndex((line) => Date.parse(line.split(/[,;]/, 1)[0] ?? "") < since);
  return first < 0 ? lines.length : first;
}

const SEPARATOR = { fr: ";", en: "," } as const;
const BYTE_ORDER_MARK = "\ufeff";

/** Has the browser save a table as a file that a spreadsheet opens as it is. No cell holds what a person has typed. */
export function saveCsv(rows: readonly (readonly string[])[], locale: Locale, name: string): void {
  const separator = SEPARATOR[locale];
  const written = (cell: string) => (/[",;]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const lines = rows.map((cells) => cells.map(written).join(separator) + LINE_END);
  save(new Blob([BYTE_ORDER_MARK, ...lines], { type: "text/csv" }), name);
}

function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
