// Reads from /proc what a server takes, together with all processes that it has started.
import { readFileSync, readdirSync } from "node:fs";

const TICKS = 100; // of /proc/PID/stat a second

/** Seconds of processor time, of ended processes too: these are counted with the one that waited for them. */
export function cpuSeconds(pid) {
  return sum(withDescendants(pid), (each) => {
    const fields = readFileSync(`/proc/${each}/stat`, "utf8").split(") ").at(-1).split(" ");
    return sum(fields.slice(11, 15), Number) / TICKS;
  });
}

/** Resident memory; what processes share is counted once. */
export function kilobytes(pid) {
  return sum(withDescendants(pid), (each) =>
    Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${each}/smaps_rollup`, "utf8"))[1]),
  );
}

function withDescendants(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean),
  );
  return [pid, ...children.flatMap(withDescendants)];
}

const sum = (values, of) => values.reduce((total, value) => total + of(value), 0);
