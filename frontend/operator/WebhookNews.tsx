import type { Webhooks } from "./apiTypes";
import { useNow } from "./PaymentTable";
import { usePage } from "./page";
import { hrefOf } from "./router";

/** Says when a webhook of CamPay last told us something, and whether we have found outcomes ourselves since. */
export function WebhookNews({ webhooks: { toldAt, missingAt } }: { readonly webhooks: Webhooks }) {
  const { texts, format } = usePage();
  const words = texts.webhooks;
  const now = useNow();
  return (
    <>
      {toldAt && (
        <p className="muted small">{words.told(format.moment(toldAt, now), format.age(now - Date.parse(toldAt)))}</p>
      )}
      {missingAt && (!toldAt || toldAt < missingAt) && (
        <p className="live notice" data-tone="caution" data-webhook="missing">
          {words.missing(format.moment(missingAt, now))}{" "}
          <a href={hrefOf("payments", "", { webhook: "missing" })}>{words.list}</a>
        </p>
      )}
    </>
  );
}
