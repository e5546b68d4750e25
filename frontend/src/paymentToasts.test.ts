// @vitest-environment happy-dom
import { toast } from "sonner";
import { beforeEach, expect, test } from "vitest";

import { payment } from "../tests/fakeWire";
import { toastPaymentChange } from "./paymentToasts";

const PENDING = payment();
const PAID = payment({ status: "SUCCESSFUL", version: 3 });
const shown = () => toast.getToasts().map((it) => ("title" in it ? [it.id, it.type, it.title] : []));

beforeEach(() => {
  document.documentElement.lang = "en";
  document.body.innerHTML = "";
  toast.dismiss();
});

function showTracker(top: number): void {
  document.body.innerHTML = '<section class="bp-tracker"><h2 class="bp-title">…</h2></section>';
  const title = document.querySelector(".bp-title") as HTMLElement;
  title.getBoundingClientRect = () => new DOMRect(0, top, 300, 30); // there is no layout here
}

test("a change is one toast per payment, in the page's language and not the payment's", () => {
  toastPaymentChange(PENDING, null);
  expect(shown()).toEqual([]);
  document.documentElement.lang = "fr";
  toastPaymentChange(PAID, PENDING);
  expect(shown()).toEqual([[PAID.reference, "success", "Paiement reçu, merci\u00a0!"]]);
  toastPaymentChange(payment({ ...PAID, duplicate: true, version: 4 }), PAID);
  expect(shown()).toEqual([[PAID.reference, "success", "Cette commande a été payée deux fois"]]);
});

test("money that is back is told in place of the title", () => {
  toastPaymentChange(payment({ ...PAID, refundedAmount: 5000, version: 4 }), PAID);
  expect(shown()[0]?.[2]).toMatch(/^Paid back to you: .*5,000$/);
});

test("what changes nothing for the customer is no toast", () => {
  toastPaymentChange(payment({ version: 3 }), PENDING);
  expect(shown()).toEqual([]);
});

test("what the tracker on the screen says is not said again; out of sight it is", () => {
  showTracker(100);
  toastPaymentChange(PAID, PENDING);
  expect(shown()).toEqual([]);
  showTracker(-500);
  toastPaymentChange(PAID, PENDING);
  expect(shown()).toHaveLength(1);
});
