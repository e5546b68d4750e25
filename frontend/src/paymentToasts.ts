/**
 * Shows the changes of a payment as toasts of sonner: `usePaymentSocket({…, onChange: toastPaymentChange})` and one
 * <Toaster/> on the page. They are optional: a page with other toasts passes its own function as `onChange`.
 */

import { toast } from "sonner";

import type { PaymentEvent, PaymentStatus } from "./paymentContract";

const TOAST_OF_STATUS: Readonly<Record<PaymentStatus, (message: string, options: { id: string }) => unknown>> = {
  INITIATING: toast.info,
  PENDING: toast.info,
  SUCCESSFUL: toast.success,
  FAILED: toast.error,
  EXPIRED: toast.warning,
  CONFLICTED: toast.warning,
};

/** Shows one toast per payment, replaced as it changes; none for the state at the time the page opened. */
export function toastPaymentChange(payment: PaymentEvent, previous: PaymentEvent | null): void {
  if (previous === null || previous.message === payment.message) return;
  TOAST_OF_STATUS[payment.status](payment.message, { id: payment.reference });
}
