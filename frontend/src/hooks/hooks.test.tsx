// @vitest-environment happy-dom
import { act, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { payment, REFERENCE } from "../../tests/fakeWire";
import { GatewayAndApi, until } from "../../tests/gateway";
import { PAYMENT_STATUS, type PaymentEvent } from "../paymentContract";
import type { WatchHandlers } from "../paymentWatch";
import { type CheckoutTracking, useCheckout } from "./useCheckout";
import { type PaymentTracking, usePaymentSocket } from "./usePaymentSocket";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
let server: GatewayAndApi;
let root: Root;

beforeEach(async () => {
  sessionStorage.clear();
  server = await new GatewayAndApi().start();
  root = createRoot(document.createElement("div"));
});

afterEach(async () => {
  await act(async () => root.unmount());
  await server.stop();
});

function Watching({ reference, show }: { reference: string | null; show: (tracking: PaymentTracking) => void }) {
  show(usePaymentSocket({ gatewayUrl: server.url, apiUrl: server.url, reference, token: "a-token" }));
  return null;
}

function Paying({ show, ...handlers }: { show: (checkout: CheckoutTracking) => void } & WatchHandlers) {
  const order = { orderId: "order-1", amount: 5000, currency: "XAF" };
  show(useCheckout({ gatewayUrl: server.url, apiUrl: server.url, order, locale: "en", ...handlers }));
  return null;
}

const eventually = (condition: () => boolean) => act(() => until(condition));

describe("usePaymentSocket", () => {
  const watching = () => {
    const seen: PaymentTracking[] = [];
    const show = (tracking: PaymentTracking) => void seen.push(tracking);
    return {
      seen,
      render: (reference: string | null) => act(async () => root.render(<Watching {...{ reference, show }} />)),
    };
  };

  test("follows a payment and says when its outcome is known", async () => {
    server.track = () => ({ ok: true, payment: payment() });
    const { seen, render } = watching();
    await render(REFERENCE);
    await eventually(() => seen.at(-1)?.connection === "connected");
    expect(seen.at(-1)).toMatchObject({ payment: { version: 2 }, isSettled: false });
    server.emit(PAYMENT_STATUS, payment({ version: 3, status: "SUCCESSFUL" }));
    await eventually(() => seen.at(-1)?.isSettled === true);
  });

  test("opens nothing before there is a payment, and one connection for each", async () => {
    const { seen, render } = watching();
    await render(null);
    expect(seen.at(-1)?.connection).toBe("stopped");
    await render(REFERENCE);
    await eventually(() => server.tracked.length === 1);
    await render("another-reference");
    await eventually(() => server.tracked.length === 2 && server.connections === 1);
  });

  test.each([0, 1, 5, 20, 60])("unmounted after %i ms it leaves no connection", async (milliseconds) => {
    const { render } = watching();
    await render(REFERENCE);
    await act(() => new Promise((later) => setTimeout(later, milliseconds)));
    await act(async () => root.render(null));
    await new Promise((later) => setTimeout(later, 80)); // pending replies arrive
    await until(() => server.connections === 0);
  });

  test("in StrictMode, which mounts twice, there is one connection", async () => {
    const show = () => {};
    await act(async () =>
      root.render(
        <StrictMode>
          <Watching reference={REFERENCE} show={show} />
        </StrictMode>,
      ),
    );
    await eventually(() => server.tracked.length > 0);
    await act(() => new Promise((later) => setTimeout(later, 80)));
    await eventually(() => server.connections === 1);
  });
});

describe("useCheckout", () => {
  const reply = { ...payment(), trackingToken: "a-token" };

  async function paying(handlers: WatchHandlers = {}) {
    const seen: CheckoutTracking[] = [];
    const show = (checkout: CheckoutTracking) => void seen.push(checkout);
    await act(async () => root.render(<Paying show={show} {...handlers} />));
    return { now: () => seen.at(-1) as CheckoutTracking };
  }

  test("from the form to the outcome, and one tap to a further attempt", async () => {
    server.respond = () => [201, reply];
    server.track = () => ({ ok: true, payment: payment() });
    const { now } = await paying();
    expect(now().phase).toBe("ready");
    await act(async () => now().pay("237677777777"));
    await eventually(() => now().connection === "connected");
    expect(now()).toMatchObject({ phase: "tracking", reference: REFERENCE, retry: undefined });

    server.emit(PAYMENT_STATUS, payment({ version: 3, status: "EXPIRED" }));
    await eventually(() => now().retry !== undefined);
    const further = { ...reply, reference: "11111111-2222-4333-8444-555555555555" };
    server.respond = () => [201, further];
    server.track = () => ({ ok: true, payment: payment({ reference: further.reference }) });
    await act(async () => now().retry?.());
    await eventually(() => now().payment?.reference === further.reference);
    expect(now().phase).toBe("tracking");
  });

  test("a connection is there ahead of the payment, and closed with the page", async () => {
    server.respond = () => [201, reply];
    const { now } = await paying();
    await act(async () => now().prepare());
    await eventually(() => server.connections === 1);
    await act(async () => now().pay("237677777777"));
    await eventually(() => server.tracked.length === 1);
    expect(server.transports).toHaveLength(1);
    await act(async () => now().prepare());
    await eventually(() => server.connections === 2);
    await act(async () => root.render(null));
    await eventually(() => server.connections === 0);
  });

  test("the payment is shown before the socket is open, and told once", async () => {
    const told: PaymentEvent[] = [];
    server.respond = () => [201, reply];
    server.track = () => undefined; // never acknowledged
    const { now } = await paying({ onChange: (changed) => void told.push(changed) });
    await act(async () => now().pay("237677777777"));
    await eventually(() => now().payment !== null);
    expect(now()).toMatchObject({ phase: "tracking", connection: "connecting", payment: { ussdCode: "*126#" } });
    expect(told).toEqual([payment()]);
  });

  test("a tab that knows nothing shows the payment that the order has", async () => {
    server.current = { ...reply, status: "EXPIRED" };
    const { now } = await paying();
    expect(now()).toMatchObject({ phase: "ready", isLookingUp: true });
    await eventually(() => now().phase === "tracking");
    expect(now()).toMatchObject({ reference: REFERENCE, isLookingUp: false, retry: undefined });
    expect(now().changeNumber).toBeDefined();
  });

  test("money that comes late is shown, also when the customer is back at the form", async () => {
    server.respond = () => [201, reply];
    server.track = () => ({ ok: true, payment: payment({ version: 3, status: "EXPIRED" }) });
    const { now } = await paying();
    await act(async () => now().pay("237677777777"));
    await eventually(() => now().changeNumber !== undefined);
    await act(async () => now().changeNumber?.());
    expect(now().phase).toBe("ready");
    server.emit(PAYMENT_STATUS, payment({ version: 4, status: "SUCCESSFUL", late: true }));
    await eventually(() => now().phase === "tracking");
    expect(now().retry).toBeUndefined();
  });

  describe("a prompt that nobody will answer", () => {
    const givenUp = payment({ version: 3, status: "EXPIRED", reason: "given_up" });
    const paid = payment({ version: 3, status: "SUCCESSFUL" });

    /** Shows a payment that waits; `became`: the reply to giving it up. */
    async function waiting(became: PaymentEvent | null) {
      const keys: unknown[] = [];
      server.track = () => ({ ok: true, payment: payment() });
      server.respond = ({ url, headers }) => {
        if (url?.endsWith("/initiate")) keys.push(headers["idempotency-key"]);
        if (url?.endsWith("/initiate")) return [201, reply];
        if (!url?.endsWith("/give-up")) return [404, {}];
        return became ? [200, became] : [503, { code: "provider_unavailable", detail: "", retryable: true }];
      };
      const { now } = await paying();
      await act(async () => now().pay("237677777777"));
      await eventually(() => now().giveUp !== undefined);
      return { now, keys };
    }

    test("is given up: what ended is shown, with one tap to a further attempt", async () => {
      const { now } = await waiting(givenUp);
      await act(async () => now().giveUp?.());
      await eventually(() => now().retry !== undefined);
      expect(now()).toMatchObject({ phase: "tracking", payment: { reason: "given_up" }, giveUp: undefined });
    });

    test("is given up for another number, which is an attempt with a key of its own", async () => {
      const { now, keys } = await waiting(givenUp);
      await act(async () => now().changeNumber?.());
      await eventually(() => now().phase === "ready");
      expect(now().phoneNumber).toBe("237677777777");
      await act(async () => now().pay("237699999999"));
      await eventually(() => now().phase === "tracking");
      expect(new Set(keys).size).toBe(2);
    });

    test("was approved meanwhile: that is shown, whatever was tapped", async () => {
      const { now } = await waiting(paid);
      await act(async () => now().changeNumber?.());
      await eventually(() => now().payment?.status === "SUCCESSFUL");
      expect(now()).toMatchObject({ phase: "tracking", retry: undefined, changeNumber: undefined, giveUp: undefined });
    });

    test("could not be checked: it goes on as it was, and may be tried again", async () => {
      const { now } = await waiting(null);
      await act(async () => now().changeNumber?.());
      await eventually(() => now().givingUp === "unanswered");
      expect(now()).toMatchObject({ phase: "tracking", payment: { status: "PENDING" } });
      expect(now().giveUp).toBeDefined();
    });

    test("is not given up with an invalid token", async () => {
      const { now } = await waiting(null);
      server.respond = () => [401, { code: "invalid_token", detail: "No longer valid." }];
      await act(async () => now().giveUp?.());
      await eventually(() => now().connection === "refused");
      expect(now()).toMatchObject({ payment: { status: "PENDING" }, giveUp: undefined, changeNumber: undefined });
    });

    test("is approved after all, at the form: that is shown", async () => {
      const { now } = await waiting(givenUp);
      await act(async () => now().changeNumber?.());
      await eventually(() => now().phase === "ready");
      server.emit(PAYMENT_STATUS, payment({ version: 4, status: "SUCCESSFUL", late: true }));
      await eventually(() => now().phase === "tracking");
      expect(now().payment).toMatchObject({ status: "SUCCESSFUL", late: true });
    });
  });

  test("what is not sent may be cancelled", async () => {
    server.respond = () => [502, "<html>bad gateway</html>"];
    const { now } = await paying();
    await act(async () => now().pay("237677777777"));
    await eventually(() => now().phase === "unsent");
    await act(async () => now().cancel?.());
    expect(now()).toMatchObject({ phase: "ready", phoneNumber: "237677777777", cancel: undefined });
  });

  test("a refusal is shown at the form", async () => {
    server.respond = () => [429, { code: "phone_limit", detail: "Please wait a little.", retryable: true }];
    const { now } = await paying();
    await act(async () => now().pay("237677777777"));
    await eventually(() => now().problem !== null);
    expect(now()).toMatchObject({ phase: "ready", problem: { detail: "Please wait a little." } });
  });
});
