import { useEffect, useMemo, useSyncExternalStore } from "react";

import type { PaymentEvent } from "../paymentContract";
import type { TrackedPayment } from "../paymentSocket";
import {
  createPaymentWatch,
  isSettled,
  isWaiting,
  NO_PAYMENT,
  type WatchHandlers,
  type WatchState,
} from "../paymentWatch";

/** The payment to follow. `reference` and `token` are null as long as there is none. */
export interface PaymentSocketOptions extends WatchHandlers, Pick<TrackedPayment, "gatewayUrl" | "apiUrl"> {
  readonly reference: string | null;
  readonly token: string | null;
  /** The payment as initiate has answered, to show it before the socket is open. */
  readonly known?: PaymentEvent | null | undefined;
}

export interface PaymentTracking extends WatchState {
  /** Whether the outcome is known. EXPIRED is not settled: a later approval still counts. */
  readonly isSettled: boolean;
  /** Reads the payment now, and reconnects where the connection is down. */
  readonly refetch: () => Promise<void>;
  /** Ends the wait for an approval, and resolves to the payment, which may be paid. Undefined while nothing waits. */
  readonly giveUp: (() => Promise<PaymentEvent | null>) | undefined;
  /** Stops following the payment for good. */
  readonly stop: () => void;
}

/** Follows one payment for as long as the component is mounted. */
export function usePaymentSocket(options: PaymentSocketOptions): PaymentTracking {
  const { gatewayUrl, apiUrl, reference, token, known, onChange, onEvent } = options;
  const watch = useMemo(
    () => createPaymentWatch(reference && token ? { gatewayUrl, apiUrl, reference, token } : null, known),
    [gatewayUrl, apiUrl, reference, token, known],
  );
  useEffect(() => {
    watch.handlers = { onChange, onEvent };
  }, [watch, onChange, onEvent]);
  const state = useSyncExternalStore(watch.subscribe, watch.getState, () => NO_PAYMENT);
  return {
    ...state,
    isSettled: isSettled(state.payment),
    refetch: watch.refetch,
    giveUp: mayGiveUp(state) ? watch.giveUp : undefined,
    stop: watch.stop,
  };
}

function mayGiveUp({ payment, connection }: WatchState): boolean {
  return isWaiting(payment) && connection !== "refused" && connection !== "stopped";
}
