/**
 * Toasts for the changes of a payment, by sonner: `usePaymentSocket({…, onChange: toastPaymentChange})` and one
 * <Toaster/> on the page. Optional: whoever has toasts of their own gives `onChange` a function of their own.
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

/** One toast for each payment, replaced as it changes; none for what was there when the page opened. */
export function toastPaymentChange(payment: PaymentEvent, previous: PaymentEvent | null): void {
  if (previous === null || previous.message === payment.message) return;
  TOAST_OF_STATUS[payment.status](payment.message, { id: payment.reference });
}
