import { useEffect, useState } from "react";

import { failureOf } from "../src/paymentContract";
import type { PaymentEvent } from "./apiTypes";
import { usePage } from "./page";
import type { REASON_TEXTS } from "./reasonTexts";

/** Says of a failed payment what CamPay's word can mean. Where the texts do not come, the word itself is there. */
export function ReasonMeaning({ payment }: { readonly payment: PaymentEvent }) {
  const { locale } = usePage();
  const [texts, setTexts] = useState<typeof REASON_TEXTS>();
  useEffect(() => {
    import("./reasonTexts").then(
      (it) => setTexts(it.REASON_TEXTS),
      () => {},
    );
  }, []);
  if (!texts) return null;
  const words = texts[locale];
  const code = failureOf(payment);
  return (
    <p className="small" data-failure={code}>
      {payment.reason ? words.about : words.noWord} {(payment.reason || code !== "unknown") && words.meanings[code]}
    </p>
  );
}
