import { useMemo, useSyncExternalStore } from "react";

import { type CheckoutPhase, type CheckoutState, createCheckout, mayRetry, NO_ATTEMPT } from "../checkout";
import type { Locale } from "../locale";
import type { Problem } from "../paymentContract";
import type { Order } from "../paymentSocket";
import type { WatchHandlers } from "../paymentWatch";
import { type PaymentTracking, usePaymentSocket } from "./usePaymentSocket";

export interface CheckoutHookOptions extends WatchHandlers {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  /** The order token that the shop's server signed. */
  readonly order: Order;
  /** The language of sentences that come from the API; the browser's where it is left out. */
  readonly locale?: Locale | undefined;
}

export interface CheckoutTracking extends PaymentTracking {
  /** `ready`: show the form. Else: show the tracker. */
  readonly phase: CheckoutPhase;
  /** Why the last call started nothing, or why the payment may not be seen. */
  readonly problem: Problem | null;
  /** From when on trying again is of use, in milliseconds by this device's clock; null where nobody knows. */
  readonly retryAt: number | null;
  /** The number of the last attempt. */
  readonly phoneNumber: string;
  /** For the confirmation page, which finds the token with `rememberedToken(reference)`. */
  readonly reference: string | null;
  /** Starts the payment of `phoneNumber` (237, then nine digits); a second tap does nothing. */
  readonly pay: (phoneNumber: string) => void;
  /** As long as nothing has left this device, else undefined: back to the form. */
  readonly cancel: (() => void) | undefined;
  /** After FAILED or EXPIRED, else undefined: one tap starts a further attempt with the same number. */
  readonly retry: (() => void) | undefined;
  /** After FAILED or EXPIRED, or while it waits (then it is given up first), else undefined: back to the form. */
  readonly changeNumber: (() => void) | undefined;
}

/** The whole way of one order: from the form to the last word about its payment. */
export function useCheckout({ apiUrl, gatewayUrl, order, locale, ...handlers }: CheckoutHookOptions): CheckoutTracking {
  const orderKey = JSON.stringify(order);
  const checkout = useMemo(
    () => createCheckout({ apiUrl, order: JSON.parse(orderKey) as Order, locale }),
    [apiUrl, orderKey, locale],
  );
  const state = useSyncExternalStore(checkout.subscribe, checkout.getState, () => NO_ATTEMPT);
  const reference = state.shown?.reference ?? null;
  const tracking = usePaymentSocket({ gatewayUrl, apiUrl, reference, token: state.shown?.token ?? null, ...handlers });
  const { payment, giveUp } = tracking;
  const isTracking = state.phase === "tracking";
  const isEnded = isTracking && mayRetry(payment);
  const changeNumber = async () => checkout.changeNumber(giveUp ? await giveUp() : payment);
  return {
    ...tracking,
    phase: phaseOf(state, tracking),
    problem: state.problem ?? tracking.problem,
    retryAt: state.retryAt,
    phoneNumber: state.phoneNumber,
    reference,
    pay: checkout.pay,
    cancel: state.phase === "unsent" ? checkout.cancel : undefined,
    giveUp: isTracking ? giveUp : undefined,
    retry: isEnded ? () => checkout.retry(payment) : undefined,
    changeNumber: isEnded || (isTracking && giveUp) ? changeNumber : undefined,
  };
}

function phaseOf({ phase, isJustStarted }: CheckoutState, { payment, connection }: PaymentTracking): CheckoutPhase {
  // Money that came late for the attempt before ends whatever was going on since.
  if (payment?.status === "SUCCESSFUL") return "tracking";
  const isStillBlank = phase === "tracking" && isJustStarted && payment === null && connection !== "refused";
  return isStillBlank ? "sending" : phase;
}
