import type { Refund, RefundStatus } from "../src/paymentContract";
import type { PaymentEvent } from "./apiTypes";
import { useNow } from "./PaymentTable";
import { usePage } from "./page";
import { Mark, type Tone } from "./StateMark";

const TONE_OF_REFUND: Readonly<Record<RefundStatus, Tone>> = {
  SENDING: "caution",
  PENDING: "accent",
  SUCCESSFUL: "positive",
  FAILED: "negative",
};

/** Lists a payment's refunds with what is known of each; nothing where there is none. */
export function RefundList({ payment }: { readonly payment: PaymentEvent }) {
  const { texts } = usePage();
  if (payment.refunds.length === 0) return null;
  return (
    <>
      <h3>{texts.refunds.title}</h3>
      <ul className="rows refunds">
        {payment.refunds.map((refund) => (
          <RefundRow key={refund.reference} {...{ refund }} currency={payment.currency} />
        ))}
      </ul>
    </>
  );
}

function RefundRow({ refund, currency }: { readonly refund: Refund; readonly currency: string }) {
  const { texts, format } = usePage();
  const { status, amount, charge, at } = refund;
  const now = useNow();
  return (
    <li data-refund={status}>
      <span>
        <b>{format.amount(amount, currency)}</b> · <time dateTime={at}>{format.moment(at, now)}</time>
        <br />
        <small className="muted">{texts.refunds.of(charge)}</small>
      </span>
      <Mark tone={TONE_OF_REFUND[status]}>{texts.refunds.states[status]}</Mark>
    </li>
  );
}
