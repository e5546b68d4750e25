/**
 * Shows the changes of a payment as toasts of sonner: `usePaymentSocket({…, onChange: toastPaymentChange})` and one
 * <Toaster/> on the page. They are optional: a page with other toasts passes its own function as `onChange`.
 */

import { toast } from "sonner";

import { pictureOf } from "./components/payment/paymentPicture";
import { refundsOf, TRACKER_TEXTS, textOf, toldOf } from "./components/payment/paymentTexts";
import { browserLocale, type Locale } from "./locale";
import type { PaymentEvent, PaymentStatus } from "./paymentContract";

const TOAST_OF_STATUS: Readonly<Record<PaymentStatus, (message: string, options: { id: string }) => unknown>> = {
  INITIATING: toast.info,
  PENDING: toast.info,
  SUCCESSFUL: toast.success,
  FAILED: toast.error,
  EXPIRED: toast.warning,
  CONFLICTED: toast.warning,
};

/**
 * Shows one toast per payment, replaced as it changes, in the page's language: what is paid back, else the tracker's
 * title. There is none for the state at the time the page opened, and none while the tracker, which says the same, is on
 * the screen.
 */
export function toastPaymentChange(payment: PaymentEvent, previous: PaymentEvent | null): void {
  if (previous === null || isTrackerOnScreen()) return;
  const sentence = sentenceOf(payment);
  if (sentence !== sentenceOf(previous)) TOAST_OF_STATUS[payment.status](sentence, { id: payment.reference });
}

function sentenceOf(payment: PaymentEvent): string {
  const now = Date.parse(payment.timestamp);
  const picture = pictureOf({ phase: "tracking", payment, problem: null, connection: "connected", now });
  const locale = localeOfPage();
  const texts = TRACKER_TEXTS[locale];
  const [refund] = refundsOf(payment, locale, texts);
  return refund ?? textOf(picture, texts, null, toldOf({}, payment, texts)).title;
}

function localeOfPage(): Locale {
  const { lang } = document.documentElement;
  return browserLocale(lang ? [lang] : undefined);
}

function isTrackerOnScreen(): boolean {
  return Array.from(document.querySelectorAll(".bp-tracker .bp-title")).some((title) => {
    const { top, bottom, width } = title.getBoundingClientRect();
    return width > 0 && bottom > 0 && top < window.innerHeight;
  });
}
