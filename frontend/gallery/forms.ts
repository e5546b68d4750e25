/** Defines the number form's props for each of its pictures. */

import type { PhoneFormProps } from "../src/components/payment/PhoneForm";
import type { Problem } from "../src/paymentContract";

export type FormName = "form" | "formTyped" | "formNotice" | "formProblem" | "formPause" | "formPaid";

export function forms(deviceTime: number): Readonly<Record<FormName, Omit<PhoneFormProps, "locale">>> {
  const form = { order: { orderId: "order-1042", amount: 5000, currency: "XAF" }, pay: () => {} };
  const typed = { ...form, phoneNumber: "237677777777" };
  return {
    form,
    formTyped: typed,
    formNotice: { ...typed, operatorNotice: ["MTN"] },
    formProblem: { ...typed, problem: problem("provider_unavailable", "Le service de paiement ne répond pas.") },
    formPause: {
      ...typed,
      problem: problem("phone_limit", "Trop de demandes pour ce numéro."),
      retryAt: deviceTime + 300_000,
    },
    formPaid: { ...form, problem: problem("order_already_paid", "Cette commande est déjà payée.") },
  };
}

function problem(code: string, detail: string): Problem {
  return { code, detail, retryable: true, fields: {}, reference: null, retryAfter: null };
}
