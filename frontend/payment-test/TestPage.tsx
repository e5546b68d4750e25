import { lazy, Suspense, useCallback, useState } from "react";

import { PaymentCheckout } from "../src/components/payment/PaymentCheckout";
import { useCheckout } from "../src/hooks/useCheckout";
import type { PaymentEvent } from "../src/paymentContract";
import type { Addresses } from "./addresses";
import type { ArrivedEvent } from "./EventStream";
import { OrderCard } from "./OrderCard";
import { openNewOrder, type TestOrder } from "./order";

/** What no customer needs to pay, so that it comes after the form. */
const Backstage = lazy(() => import("./Backstage"));
const toast = async (payment: PaymentEvent, previous: PaymentEvent | null) =>
  (await import("./Backstage")).toastPaymentChange(payment, previous);

/** Nobody's number: it is one digit short. */
const SUPPORT = "+237 6 99 00 00 0";

/** Shows a small shop: its order, the payment, the events, and the simulator's controls. */
export function TestPage({ addresses, order }: { readonly addresses: Addresses; readonly order: TestOrder }) {
  const [events, setEvents] = useState<readonly ArrivedEvent[]>([]);
  const onEvent = useCallback(
    (name: string, payload: unknown) =>
      setEvents((seen) => [...seen, { number: seen.length, name, payload, at: new Date() }]),
    [],
  );
  const { orderId, amount, currency, locale } = order;
  const facts = { orderId, amount, currency };
  const checkout = useCheckout({ ...addresses, order: facts, locale, onEvent, onChange: toast });
  const { phase, problem, reference, connection } = checkout;
  const [chosen, setChosen] = useState({ number: "", times: 0 });
  const newOrder = () => openNewOrder(order);
  const pay = (number: string) => {
    setChosen(({ times }) => ({ number: "", times }));
    checkout.pay(number);
  };

  return (
    <div className="page">
      <header className="page-header">
        <h1 className="brand">BraidSter</h1>
        <p className="badge">test shop</p>
        <nav aria-label="Language">
          {(["fr", "en"] as const).map((language) => (
            <a key={language} href={`?${queryIn(language)}`} aria-current={language === locale || undefined}>
              {language.toUpperCase()}
            </a>
          ))}
        </nav>
      </header>
      <main className="columns">
        <div className="shop">
          <OrderCard
            order={order}
            isOpen={phase === "ready"}
            isPaid={problem?.code === "order_already_paid"}
            chooseNumber={(number) => setChosen(({ times }) => ({ number, times: times + 1 }))}
            newOrder={newOrder}
          >
            <PaymentCheckout
              key={chosen.times}
              {...checkout}
              phoneNumber={chosen.number || checkout.phoneNumber}
              pay={pay}
              order={facts}
              locale={locale}
              merchantName="BraidSter"
              support={SUPPORT}
              onContinue={newOrder}
            />
          </OrderCard>
        </div>
        <Suspense>
          <Backstage {...{ addresses, reference, newOrder, events, connection, locale }} refetch={checkout.refetch} />
        </Suspense>
      </main>
    </div>
  );
}

function queryIn(language: string): string {
  const query = new URLSearchParams(window.location.search);
  query.set("locale", language);
  return query.toString();
}
