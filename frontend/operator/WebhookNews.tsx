import type { Webhooks } from "./apiTypes";
import { useNow } from "./PaymentTable";
import { usePage } from "./page";
import { hrefOf } from "./router";

/** Whether we have found outcomes ourselves since a webhook last told us something. */
export const lacksWebhooks = ({ toldAt, missingAt }: Webhooks): boolean =>
  missingAt !== null && (toldAt === null || toldAt < missingAt);

/** Says when a webhook of CamPay last told us something, and whether we have found outcomes ourselves since. */
export function WebhookNews({ webhooks }: { readonly webhooks: Webhooks }) {
  const { texts, format } = usePage();
  const { toldAt, missingAt } = webhooks;
  const words = texts.webhooks;
  const now = useNow();
  return (
    <>
      {toldAt && (
        <p className="muted small">
          {words.told(format.exactMoment(toldAt, now), format.age(now - Date.parse(toldAt)))}
        </p>
      )}
      {missingAt && lacksWebhooks(webhooks) && (
        <p className="live notice" data-tone="caution" data-webhook="missing">
          {words.missing(format.exactMoment(missingAt, now), toldAt && format.exactMoment(toldAt, now))}{" "}
          <a href={hrefOf("payments", "", { webhook: "missing" })}>{words.list}</a>
        </p>
      )}
    </>
  );
}
