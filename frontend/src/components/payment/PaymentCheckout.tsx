import type { CheckoutTracking } from "../../hooks/useCheckout";
import { useLocale } from "../../hooks/useLocale";
import type { Locale } from "../../locale";
import type { Order } from "../../paymentSocket";
import { PaymentTracker, type PaymentTrackerProps } from "./PaymentTracker";
import { PhoneForm } from "./PhoneForm";
import { ProblemWords } from "./ProblemWords";

export interface PaymentCheckoutProps
  extends CheckoutTracking,
    Pick<PaymentTrackerProps, "merchantName" | "promptName" | "support"> {
  /** The order that `useCheckout` was given. */
  readonly order: Order;
  /** The language; by default French, unless the browser prefers English. */
  readonly locale?: Locale | undefined;
  /** Continues to the shop; offered when the order is paid. */
  readonly onContinue?: (() => void) | undefined;
}

/** Shows an order's checkout, as `useCheckout` returns it: the form, then its payment. Styled by `tracker.css`. */
export function PaymentCheckout({ order, onContinue, ...checkout }: PaymentCheckoutProps) {
  const { phase, problem, retryAt, payment, cancel, retry, changeNumber, giveUp } = checkout;
  const locale = useLocale(checkout.locale);
  if (phase === "ready") return <PhoneForm {...checkout} order={order} locale={locale} />;
  return (
    <>
      <PaymentTracker
        {...checkout}
        phase={phase}
        locale={locale}
        onCancel={cancel}
        onRetry={retry}
        onChangeNumber={changeNumber}
        onGiveUp={giveUp}
        onContinue={onContinue}
      />
      {problem && payment && (
        <p className="bp-problem" part="checkout">
          <ProblemWords problem={problem} retryAt={retryAt} locale={locale} />
        </p>
      )}
    </>
  );
}
