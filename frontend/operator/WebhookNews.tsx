import type { ArrivedWebhooks, WebhookRefusal, Webhooks } from "./apiTypes";
import { useNow } from "./PaymentTable";
import { usePage } from "./page";
import { hrefOf } from "./router";
import { Mark } from "./StateMark";
import { WEBHOOK_TEXTS } from "./webhookTexts";

/** Whether we have found outcomes ourselves since a webhook last told us something. */
export const lacksWebhooks = ({ toldAt, missingAt }: Webhooks): boolean =>
  missingAt !== null && (toldAt === null || toldAt < missingAt);

interface WebhookNewsProps {
  readonly webhooks: Webhooks;
  /** How many of today's payments were settled without a webhook; none where that is not known. */
  readonly missingToday?: number;
}

/** Says when a webhook of CamPay last told us something, and what has arrived at our address today. */
export function WebhookNews({ webhooks, missingToday = 0 }: WebhookNewsProps) {
  const { locale, format } = usePage();
  const { toldAt, missingAt } = webhooks;
  const words = WEBHOOK_TEXTS[locale];
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
          {missingToday > 0 && words.missingToday(missingToday, format.number(missingToday))}{" "}
          <a href={hrefOf("payments", "", { webhook: "missing" })}>{words.list}</a>
        </p>
      )}
      <Arrivals webhooks={webhooks} />
    </>
  );
}

const isRefusal = (it: ArrivedWebhooks): it is ArrivedWebhooks & { readonly outcome: WebhookRefusal } =>
  it.outcome !== "told" && it.outcome !== "unchanged";

/** Says in one look whether webhooks reach us and are accepted, are refused, or do not come at all. */
function Arrivals({ webhooks }: { readonly webhooks: Webhooks }) {
  const { locale, format } = usePage();
  const words = WEBHOOK_TEXTS[locale];
  const now = useNow();
  const { arrivals } = webhooks;
  if (!arrivals) {
    return (
      <p className="muted small" data-arrivals="unknown">
        {words.unknown}
      </p>
    );
  }
  const since = format.exactMoment(arrivals.since, now);
  if (arrivals.outcomes.length === 0) {
    const isMissed = lacksWebhooks(webhooks);
    return (
      <p
        className={isMissed ? "live notice" : "muted small"}
        data-tone={isMissed ? "caution" : undefined}
        data-arrivals="nothing"
      >
        {words.nothing(since)} {isMissed && words.nothingMeans}
      </p>
    );
  }
  const refusals = arrivals.outcomes.filter(isRefusal);
  const accepted = arrivals.outcomes.filter((it) => !isRefusal(it));
  const unchanged = accepted.find(({ outcome }) => outcome === "unchanged")?.count ?? 0;
  const timesOf = (some: readonly ArrivedWebhooks[]) => {
    const times = some.flatMap(({ firstAt, lastAt }) => [firstAt, lastAt]).sort();
    const [first, last] = [times[0], times.pop()];
    if (!first || !last) return "";
    const ends = words.last(format.exactMoment(last, now), format.age(now - Date.parse(last)));
    return first === last ? ends : [words.first(format.exactMoment(first, now)), ends].join(" · ");
  };
  const count = countOf(accepted);
  return (
    <section className="arrivals" data-arrivals="some">
      <h2 className="label">{words.arrived(since)}</h2>
      <ul className="rows">
        <li data-arrived="accepted">
          <Mark tone={count > 0 ? "positive" : "neutral"}>{words.accepted(count, format.number(count))}</Mark>
          <span className="muted small">
            {timesOf(accepted)}
            {unchanged > 0 && <> · {words.unchanged(unchanged, format.number(unchanged))}</>}
          </span>
        </li>
        {refusals.map((it) => (
          <li key={it.outcome} data-arrived={it.outcome}>
            <Mark tone="caution">
              {words.refused(it.count, format.number(it.count), words.refusals[it.outcome].title)}
            </Mark>
            <span className="muted small">{timesOf([it])}</span>
            <p className="small">
              {words.refusals[it.outcome].sentence}{" "}
              {it.outcome === "unknownPayment" && <a href={hrefOf("statement")}>{words.statement}</a>}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

const countOf = (some: readonly ArrivedWebhooks[]) => some.reduce((sum, { count }) => sum + count, 0);
