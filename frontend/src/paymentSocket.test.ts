import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { payment, REFERENCE } from "../tests/fakeWire";
import { GatewayAndApi, until } from "../tests/gateway";
import { PAYMENT_STATUS } from "./paymentContract";
import {
  currentPayment,
  dropPrepared,
  giveUpPayment,
  initiatePayment,
  type Order,
  openPaymentSocket,
  type PaymentSocket,
  prepareConnection,
  reachApi,
  readPayment,
  type SocketListener,
} from "./paymentSocket";
import { socketClient } from "./socketClient";

let server: GatewayAndApi;
let socket: PaymentSocket | null = null;
const CHECKOUT = {};

beforeEach(async () => {
  server = await new GatewayAndApi().start();
});

afterEach(async () => {
  socket?.close();
  socket = null;
  dropPrepared(CHECKOUT);
  await server.stop();
});

const target = () => ({ gatewayUrl: server.url, apiUrl: server.url, reference: REFERENCE, token: "a-token" });

/** Opens a socket and records its calls of the handlers. */
function opened(): string[] {
  const said: string[] = [];
  const on: SocketListener = {
    tracked: () => said.push("tracked"),
    lost: () => said.push("lost"),
    refused: ({ code, detail }) => said.push(`refused ${code} ${detail}`),
    serverTime: (now) => said.push(`time ${Number.isNaN(now) ? "unknown" : "known"}`),
    received: ({ version }) => said.push(`version ${version}`),
    event: (name) => said.push(`event ${name}`),
  };
  socket = openPaymentSocket(target(), on);
  return said;
}

describe("a prepared connection", () => {
  test("is taken by the payment, with what it has received", async () => {
    server.track = () => ({ ok: true, payment: payment({ version: 7 }) });
    void prepareConnection(server.url, CHECKOUT);
    void prepareConnection(server.url, CHECKOUT);
    await until(() => server.connections === 1);
    expect(server.tracked).toEqual([]);
    await new Promise((later) => setTimeout(later, 50)); // its first event arrives
    const said = opened();
    await until(() => said.includes("tracked"));
    expect(said).toEqual(["time known", "event connected", "version 7", "tracked"]);
    expect(server.transports).toEqual(["websocket"]);
    server.cut();
    await until(() => server.tracked.length === 2);
    expect(said).toContain("lost");
  });

  test("is taken before it is open, too", async () => {
    server.track = () => ({ ok: true, payment: payment() });
    void prepareConnection(server.url, CHECKOUT);
    const said = opened();
    await until(() => said.includes("tracked"));
    expect(server.transports).toHaveLength(1);
  });

  test.each(["cut", "dismiss"] as const)("that the gateway has ended (%s) is not opened again", async (end) => {
    void prepareConnection(server.url, CHECKOUT);
    await until(() => server.transports.length === 1);
    await new Promise((later) => setTimeout(later, 50));
    server[end]();
    await until(() => server.connections === 0);
    await new Promise((later) => setTimeout(later, 600)); // longer than a reconnection would take
    expect(server.transports).toHaveLength(1);
    const said = opened();
    await until(() => said.includes("tracked") || server.tracked.length > 0);
    expect(server.transports).toHaveLength(2);
  });

  test("that no payment takes is closed by the checkout that was the last to ask for it", async () => {
    const another = {};
    void prepareConnection(server.url, another);
    void prepareConnection(server.url, CHECKOUT);
    await until(() => server.connections === 1);
    dropPrepared(another);
    await new Promise((later) => setTimeout(later, 50)); // longer than its end would take
    expect(server.connections).toBe(1);
    dropPrepared(CHECKOUT);
    await until(() => server.connections === 0);
  });

  test("of another gateway is not taken", async () => {
    const other = await new GatewayAndApi().start();
    void prepareConnection(other.url, CHECKOUT);
    await until(() => other.connections === 1);
    opened();
    await until(() => server.connections === 1);
    expect(other.tracked).toEqual([]);
    await other.stop();
  });
});

describe("the socket", () => {
  test("connects by WebSocket, tracks, and shows the acknowledgement's payment", async () => {
    server.track = () => ({ ok: true, payment: payment({ version: 7 }) });
    const said = opened();
    await until(() => said.includes("tracked"));
    expect(said).toEqual(["time known", "event connected", "version 7", "tracked"]);
    expect(server.tracked).toEqual([{ reference: REFERENCE, token: "a-token" }]);
    expect(server.transports).toEqual(["websocket"]);
  });

  test("shows events of this payment, and of no other", async () => {
    const said = opened();
    await until(() => said.includes("tracked"));
    server.emit(PAYMENT_STATUS, payment({ version: 3, reference: "of-somebody-else" }));
    server.emit(PAYMENT_STATUS, { version: 4 });
    server.emit(PAYMENT_STATUS, payment({ version: 5 }));
    await until(() => said.includes("version 5"));
    expect(said.filter((word) => word.startsWith("version"))).toEqual(["version 5"]);
  });

  test.each([
    ["a lost connection", () => server.cut()],
    ["the server's good-bye", () => server.dismiss()],
  ])("after %s it comes back by itself and tracks anew", async (_, lose) => {
    const said = opened();
    await until(() => said.includes("tracked"));
    lose();
    await until(() => server.tracked.length === 2 && said.at(-1) === "tracked");
    expect(said).toContain("lost");
  });

  test("an invalid token is reported", async () => {
    server.track = () => ({ ok: false, code: "invalid_token", message: "No longer valid." });
    const said = opened();
    await until(() => said.some((word) => word.startsWith("refused")));
    expect(said).toContain("refused invalid_token No longer valid.");
  });

  test("any other refusal is neither tracked nor the end", async () => {
    server.track = () => ({ ok: false, code: "too_many_sockets", message: "" });
    const said = opened();
    await until(() => server.tracked.length === 1 && said.length === 2);
    expect(said).toEqual(["time known", "event connected"]);
  });

  test("an open connection is tested", async () => {
    const said = opened();
    await until(() => said.includes("tracked"));
    socket?.revive();
    await until(() => server.tracked.length === 2);
  });

  test("closed, it disconnects and calls no handler", async () => {
    const said = opened();
    await until(() => said.includes("tracked"));
    socket?.close();
    const before = said.length;
    await until(() => server.connections === 0);
    expect(said).toHaveLength(before);
  });
});

test("closed before socket.io-client has come, it connects to nothing", async () => {
  const said = opened();
  socket?.close();
  await socketClient();
  await new Promise((later) => setTimeout(later, 200)); // longer than a connection takes
  expect([server.transports, said]).toEqual([[], []]);
});

test("revived before socket.io-client has come, it connects once", async () => {
  const said = opened();
  socket?.revive();
  await until(() => said.includes("tracked"));
  expect(server.transports).toHaveLength(1);
});

test("closed while the answer is on its way, it stays closed", async () => {
  server.track = () => undefined;
  const said = opened();
  await until(() => server.tracked.length === 1);
  socket?.close();
  await until(() => server.connections === 0);
  await new Promise((later) => setTimeout(later, 200));
  expect([server.connections, server.tracked.length]).toEqual([0, 1]);
  expect(said).not.toContain("tracked");
});

describe("readPayment", () => {
  const read = () => readPayment(target(), new AbortController().signal);

  test("asks with the token in a header, not in the URL", async () => {
    const asked: unknown[] = [];
    server.respond = ({ url, headers }) => {
      asked.push(url, headers.authorization);
      return [200, payment()];
    };
    expect(await read()).toEqual({ kind: "payment", payment: payment() });
    expect(asked).toEqual([`/api/payment/tracking/${REFERENCE}`, "Bearer a-token"]);
  });

  test("returns a refusal", async () => {
    server.respond = () => [401, { code: "invalid_token", detail: "No longer valid." }];
    expect(await read()).toMatchObject({ kind: "refused", problem: { code: "invalid_token" } });
  });

  test.each<[string, number, unknown]>([
    ["a proxy's page", 502, "<html>bad gateway</html>"],
    ["a proxy's page that claims success", 200, "<html>log in to the Wi-Fi</html>"],
    ["a 401 that is not ours", 401, {}],
    ["another JSON", 200, { version: 1 }],
    ["a busy server", 503, { code: "ledger_unavailable", detail: "" }],
  ])("%s says nothing of the payment", async (_, status, body) => {
    server.respond = () => [status, body];
    expect(await read()).toEqual({ kind: "unreachable" });
  });

  test("returns no answer where no server is", async () => {
    const address = target();
    await server.stop();
    expect(await readPayment(address, new AbortController().signal)).toEqual({ kind: "unreachable" });
  });

  test("is aborted while waiting", async () => {
    server.respond = () => null;
    const patience = new AbortController();
    const reading = readPayment(target(), patience.signal);
    patience.abort();
    expect(await reading).toEqual({ kind: "unreachable" });
  });
});

describe("giveUpPayment", () => {
  const giveUp = () => giveUpPayment(target(), new AbortController().signal);

  test("posts nothing but the token, and returns the payment", async () => {
    const asked: unknown[] = [];
    const ended = payment({ version: 3, status: "EXPIRED", reason: "given_up" });
    server.respond = ({ method, url, headers }, body) => {
      asked.push(method, url, headers.authorization, body);
      return [200, ended];
    };
    expect(await giveUp()).toEqual({ kind: "payment", payment: ended });
    expect(asked).toEqual(["POST", `/api/payment/tracking/${REFERENCE}/give-up`, "Bearer a-token", ""]);
  });

  test.each([
    [401, "invalid_token", "refused"],
    [404, "not_found", "unreachable"],
    [503, "provider_unavailable", "unreachable"],
    [503, "ledger_unavailable", "unreachable"],
  ])("%i %s is %s", async (status, code, kind) => {
    server.respond = () => [status, { code, detail: "Words." }];
    expect(await giveUp()).toMatchObject({ kind });
  });
});

describe("reachApi", () => {
  const reach = (url: string) => reachApi(url, new AbortController().signal);

  test.each<[boolean, string, number, unknown]>([
    [true, "an answer", 200, { status: "healthy" }],
    [true, "a refusal", 503, { code: "ledger_unavailable", detail: "" }],
    [false, "a proxy's page", 502, "<html>bad gateway</html>"],
  ])("%j for %s", async (isThere, _, status, body) => {
    const asked: unknown[] = [];
    server.respond = ({ method, url }) => {
      asked.push(method, url);
      return [status, body];
    };
    expect(await reach(server.url)).toBe(isThere);
    expect(asked).toEqual(["GET", "/api/payment/health"]);
  });

  test("returns false where no server is", async () => {
    const { url } = server;
    await server.stop();
    expect(await reach(url)).toBe(false);
  });
});

describe("initiatePayment", () => {
  const order = { orderId: "order-1", amount: 5000, currency: "XAF" };
  const initiate = () =>
    initiatePayment(
      { apiUrl: server.url, order, phoneNumber: "237677777777", idempotencyKey: "a-key", locale: "fr" },
      new AbortController().signal,
    );
  const reply = { ...payment(), trackingToken: "a-token" };

  test("sends the order, the number and the key", async () => {
    const asked: unknown[] = [];
    server.respond = ({ method, url, headers }, body) => {
      asked.push(method, url, headers["idempotency-key"], headers["accept-language"], JSON.parse(body));
      return [201, { ...reply, operatorNotice: ["MTN", 7] }];
    };
    const opened = { payment: payment(), token: "a-token", operatorNotice: ["MTN"] };
    expect(await initiate()).toEqual({ kind: "initiated", opened });
    const body = { ...order, phoneNumber: "237677777777", locale: "fr" };
    expect(asked).toEqual(["POST", "/api/payment/initiate", "a-key", "fr", body]);
  });

  test.each([
    [422, "payment_refused"],
    [429, "phone_limit"],
    [409, "order_already_paid"],
    [503, "provider_unavailable"],
  ])("%i %s is a refusal", async (status, code) => {
    server.respond = () => [status, { code, detail: "Words.", retryable: true, reference: "r" }];
    const problem = { code, detail: "Words.", retryable: true, reference: "r", fields: {}, retryAfter: null };
    expect(await initiate()).toEqual({ kind: "refused", problem });
  });

  test.each<[string, number, unknown]>([
    ["a fault of the API", 500, { code: "internal_error", detail: "" }],
    ["API Gateway's time-out", 504, { message: "Endpoint request timed out" }],
    ["a proxy's page", 502, "<html></html>"],
    ["a success that is none", 200, {}],
  ])("%s is unknown, never a failure", async (_, status, body) => {
    server.respond = () => [status, body];
    expect(await initiate()).toEqual({ kind: "unknown" });
  });
});

describe("currentPayment", () => {
  const ask = (order: Order) => currentPayment({ apiUrl: server.url, order }, new AbortController().signal);
  const unsigned = { orderId: "order 1", amount: 5000, currency: "XAF" };

  test("sends the order token in a header, never in a URL, and an unsigned order by its id", async () => {
    server.current = { ...payment(), trackingToken: "a-token" };
    const opened = { payment: payment(), token: "a-token", operatorNotice: [] };
    expect((await ask({ orderToken: "signed" })).opened).toEqual(opened);
    expect((await ask(unsigned)).opened).toEqual(opened);
    expect(server.currentCalls).toEqual([
      ["/api/payment/current", "Bearer signed"],
      ["/api/payment/current?orderId=order%201", undefined],
    ]);
  });

  test.each([null, {}, { ...payment() }, { ...payment({ version: Number.NaN }), trackingToken: "t" }])(
    "is null where the order has none, or the answer is no payment",
    async (answer) => {
      server.current = answer;
      expect(await ask(unsigned)).toEqual({ opened: null, operatorNotice: [] });
    },
  );

  test("hears which operators are in trouble, from the payment or where there is none", async () => {
    server.operatorNotice = "MTN, Orange";
    expect(await ask(unsigned)).toEqual({ opened: null, operatorNotice: ["MTN", "Orange"] });
    server.current = { ...payment(), trackingToken: "a-token", operatorNotice: ["MTN"] };
    expect((await ask(unsigned)).operatorNotice).toEqual(["MTN"]);
  });
});
