import type { ReactNode } from "react";

import { formatAmount } from "../src/currency";
import type { TestOrder } from "./order";
import { NUMBERS } from "./simulator";

interface OrderCardProps {
  readonly order: TestOrder;
  /** Whether the form is shown; the payment has the place for itself. */
  readonly isOpen: boolean;
  readonly isPaid: boolean;
  readonly chooseNumber: (number: string) => void;
  readonly newOrder: () => void;
  /** The library's form. */
  readonly children: ReactNode;
}

const TEXTS = {
  fr: {
    title: "Votre commande",
    product: "Box braids, pose comprise",
    another: "Nouvelle commande",
    numbers: "Numéros du simulateur",
  },
  en: {
    title: "Your order",
    product: "Box braids, fitting included",
    another: "New order",
    numbers: "The simulator's numbers",
  },
};

/** Shows what is bought, around the form, and the simulator's numbers to choose from. */
export function OrderCard({ order, isOpen, isPaid, chooseNumber, newOrder, children }: OrderCardProps) {
  const texts = TEXTS[order.locale];
  return (
    <div className={isOpen ? "card" : undefined}>
      {isOpen && (
        <>
          <h2>{texts.title}</h2>
          <dl className="lines">
            <dt>{texts.product}</dt>
            <dd>{formatAmount(order.amount, order.currency, order.locale)}</dd>
            <dt className="muted">{order.orderId}</dt>
            <dd />
          </dl>
        </>
      )}
      {children}
      {isOpen && isPaid && (
        <button type="button" className="primary" onClick={newOrder}>
          {texts.another}
        </button>
      )}
      {isOpen && (
        <fieldset>
          <legend>{texts.numbers}</legend>
          {NUMBERS.map(([number, behaviour]) => (
            <button
              key={number}
              type="button"
              className="chip"
              data-number={number}
              onClick={() => chooseNumber(number)}
            >
              {behaviour}
            </button>
          ))}
        </fieldset>
      )}
    </div>
  );
}
