import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Namespace, Server } from "socket.io";
import { afterEach, beforeEach, expect, test } from "vitest";

import { OPERATOR_NAMESPACE, PAYMENTS_CHANGED, type PaymentsChanged } from "../src/paymentContract";
import { payment } from "../tests/fakeWire";
import { until } from "../tests/gateway";
import { openLive } from "./live";
import { newestFirst } from "./useLiveDay";

let server: Server;
let gateway: Namespace;
let url = "";
let close = () => {};

beforeEach(async () => {
  const http = createServer();
  server = new Server(http);
  gateway = server.of(OPERATOR_NAMESPACE);
  await new Promise<void>((listening) => http.listen(0, "127.0.0.1", listening));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});

afterEach(async () => {
  close();
  await server.close();
});

const change = (fields: Partial<PaymentsChanged> = {}): PaymentsChanged => ({
  payments: [],
  days: [],
  complete: true,
  live: true,
  waitingSince: null,
  timestamp: "2026-01-31T12:00:00.000Z",
  ...fields,
});

/** Opens a connection with numbered tickets, and records what it is told and with which tickets it came. */
function opened(ticket?: () => Promise<string>) {
  const said: string[] = [];
  const tickets: unknown[] = [];
  let count = 0;
  gateway.use(({ handshake }, next) => {
    tickets.push(handshake.auth["ticket"]);
    next(handshake.auth["ticket"] ? undefined : new Error("invalid_session"));
  });
  const numbered = async () => `ticket ${++count}`;
  const on = { changed: ({ days }: PaymentsChanged) => said.push(`changed ${days}`), lost: () => said.push("lost") };
  close = openLive(url, ticket ?? numbered, on, 10);
  return { said, tickets };
}

test("it comes with a ticket, and tells each change", async () => {
  const { said, tickets } = opened();
  await until(() => gateway.sockets.size === 1);
  gateway.emit(PAYMENTS_CHANGED, change({ days: ["2026-01-31"] }));
  await until(() => said.length > 0);
  expect(said).toEqual(["changed 2026-01-31"]);
  expect(tickets).toEqual(["ticket 1"]);
});

test("a gateway that hears nothing itself counts as a lost connection until it does", async () => {
  const { said } = opened();
  await until(() => gateway.sockets.size === 1);
  gateway.emit(PAYMENTS_CHANGED, change({ live: false }));
  gateway.emit(PAYMENTS_CHANGED, change({ days: ["2026-01-31"] }));
  await until(() => said.length > 1);
  expect(said).toEqual(["lost", "changed 2026-01-31"]);
});

test.each([
  ["the network is cut", () => [...gateway.sockets.values()].map(({ conn }) => conn.close())],
  ["the session has ended", () => gateway.disconnectSockets()],
])("after %s it comes back by itself with a new ticket", async (_, happens) => {
  const { said, tickets } = opened();
  await until(() => gateway.sockets.size === 1);
  happens();
  await until(() => tickets.length > 1 && gateway.sockets.size === 1);
  expect(said).toEqual(["lost"]);
  expect(tickets).toEqual(["ticket 1", "ticket 2"]);
});

test("where there is no ticket yet it is refused, and tries again", async () => {
  let asked = 0;
  const late = async () => {
    asked += 1;
    if (asked === 1) throw new Error("no answer");
    return "at last";
  };
  const { said, tickets } = opened(late);
  await until(() => gateway.sockets.size === 1);
  expect(said).toEqual(["lost"]);
  expect(tickets).toEqual([undefined, "at last"]);
});

test("the latest changes have each payment once, with its newest version, the newest change first", () => {
  const at = (reference: string, version: number, second: number) =>
    payment({ reference, version, updatedAt: `2026-01-31T12:00:0${second}.000Z` });
  const shown = newestFirst([at("a", 2, 3), at("b", 1, 1), at("a", 1, 0), at("c", 1, 2), at("b", 2, 4)]);
  expect(shown.map(({ reference, version }) => `${reference} ${version}`)).toEqual(["b 2", "a 2", "c 1"]);
  const many = Array.from({ length: 40 }, (_, number) => at(String(number), 1, number % 10));
  expect(newestFirst(many)).toHaveLength(20);
});
