/** Defines the number form's props for each of its pictures. */

import type { PhoneFormProps } from "../src/components/payment/PhoneForm";
import type { Locale } from "../src/locale";
import { problem } from "./problem";

export type FormName = "form" | "formTyped" | "formNotice" | "formProblem" | "formPause" | "formPaid";

export function forms(deviceTime: number, locale: Locale): Readonly<Record<FormName, Omit<PhoneFormProps, "locale">>> {
  const form = { order: { orderId: "order-1042", amount: 5000, currency: "XAF" }, pay: () => {} };
  const typed = { ...form, phoneNumber: "237677777777" };
  return {
    form,
    formTyped: typed,
    formNotice: { ...typed, operatorNotice: ["MTN"] },
    formProblem: { ...typed, problem: problem("provider_unavailable", locale) },
    formPause: { ...typed, problem: problem("phone_limit", locale), retryAt: deviceTime + 300_000 },
    formPaid: { ...form, problem: problem("order_already_paid", locale) },
  };
}
