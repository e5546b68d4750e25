import { useContext, useEffect, useRef, useSyncExternalStore } from "react";

import { failureOf } from "../src/paymentContract";
import type { PaymentEvent } from "./apiTypes";
import { useAttention } from "./attention";
import { focusIfFree } from "./focus";
import { usePage } from "./page";
import { hrefOfPayment, LeftRoute } from "./router";
import { StateMark } from "./StateMark";

const COLUMNS = ["time", "order", "amount", "operator", "number", "state", "age"] as const;

interface PaymentTableProps {
  readonly payments: readonly PaymentEvent[];
  /** Since when each is listed, by its reference; without it, its age is that of its last change. */
  readonly since?: ReadonlyMap<string, string>;
}

/** Lists payments, each a link. On a phone each is a card of two lines. Who comes back from one is at it again. */
export function PaymentTable({ payments, since }: PaymentTableProps) {
  const { texts } = usePage();
  const left = useContext(LeftRoute);
  const table = useRef<HTMLTableElement>(null);
  useEffect(() => {
    if (left?.view !== "payment") return;
    const links = [...(table.current?.querySelectorAll("a") ?? [])];
    focusIfFree(links.find((link) => link.getAttribute("href") === hrefOfPayment(left.subject)));
  }, [left]);
  return (
    <table className={since ? "payments aged" : "payments"} ref={table}>
      <thead>
        <tr>
          {COLUMNS.map((name) => (
            <th key={name} scope="col" className={name}>
              {texts.list.columns[name]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {payments.map((payment) => (
          <PaymentRow key={payment.reference} {...{ payment }} since={since?.get(payment.reference)} />
        ))}
      </tbody>
    </table>
  );
}

interface PaymentRowProps {
  readonly payment: PaymentEvent;
  readonly since: string | undefined;
}

function PaymentRow({ payment, since = payment.updatedAt }: PaymentRowProps) {
  const { format, texts } = usePage();
  const now = useNow();
  const isToGiveBack = useAttention().answer?.items.some(
    (item) => item.kind === "duplicate" && item.payment.reference === payment.reference,
  );
  return (
    <tr data-reference={payment.reference} data-version={payment.version}>
      <td className="time">
        <time dateTime={payment.createdAt}>{format.moment(payment.createdAt, now)}</time>
      </td>
      <th scope="row" className="order">
        <a href={hrefOfPayment(payment.reference)}>{payment.orderId}</a>
      </th>
      <td className="amount">{format.amount(payment.amount, payment.currency)}</td>
      <td className="operator">{payment.operator ?? "–"}</td>
      <td className="number">{payment.phoneNumber}</td>
      <td className="state">
        <StateMark payment={payment} isToGiveBack={isToGiveBack ?? false} />
        <Why payment={payment} />
      </td>
      <td className="age">
        <span className="bp-unseen">{texts.list.columns.age} </span>
        {format.age(now - Date.parse(since))}
      </td>
    </tr>
  );
}

/** Says why a payment was not paid, where the provider's words could be understood. */
function Why({ payment }: { readonly payment: PaymentEvent }) {
  const { texts } = usePage();
  if (payment.status !== "FAILED") return null;
  const code = failureOf(payment);
  return code === "unknown" ? null : <span className="why">{texts.failures[code]}</span>;
}

const everyTenSeconds = (look: () => void) => {
  const timer = setInterval(look, 10_000);
  return () => clearInterval(timer);
};
const tenSeconds = () => Math.floor(Date.now() / 10_000) * 10_000;

/** Returns this device's time; a component that calls it is rendered again every ten seconds. */
export const useNow = (): number => useSyncExternalStore(everyTenSeconds, tenSeconds);
