import { useEffect, useState } from "react";

import type { FailingOperator } from "./apiTypes";
import { useAttention } from "./attention";
import type { FAILING_TEXTS } from "./failingTexts";
import { dayOf } from "./format";
import { useNow } from "./PaymentTable";
import { usePage } from "./page";
import { hrefOf, parseRoute, useHash } from "./router";
import { ToneShape } from "./StateMark";

/** Where all is said of it: in the others a line leads to Today. */
const DETAILED_VIEWS = ["", "today"];

/** Says above every view whose last payments have all failed; on Today and Search also with which words. */
export function FailingStrip() {
  const { texts } = usePage();
  const { answer } = useAttention();
  const isDetailed = DETAILED_VIEWS.includes(parseRoute(useHash()).view);
  const failing = answer?.failing ?? [];
  return (
    <>
      <p role="status" className="bp-unseen">
        {failing.map(({ operator }) => texts.failing(operator)).join(" ")}
      </p>
      {failing.map((it) =>
        isDetailed ? (
          <FailingDetail key={it.operator} failing={it} isAlone={failing.length === 1} />
        ) : (
          <FailingLine key={it.operator} operator={it.operator} />
        ),
      )}
    </>
  );
}

function FailingLine({ operator }: { readonly operator: string }) {
  const { texts } = usePage();
  return (
    <a href={hrefOf("today")} className="notice strip small" data-tone="negative" data-failing={operator}>
      <ToneShape tone="negative" />
      <span>{texts.failing(operator)}</span>
      <b>{texts.attention.open}</b>
    </a>
  );
}

interface FailingDetailProps {
  readonly failing: FailingOperator;
  /** Whether no other operator's payments all fail. */
  readonly isAlone: boolean;
}

/** Says since when an operator's payments fail, with which words, how far those are a cause, and what to do. */
function FailingDetail({ failing, isAlone }: FailingDetailProps) {
  const { texts, locale, format } = usePage();
  const [loaded, setLoaded] = useState<typeof FAILING_TEXTS>();
  useEffect(() => {
    import("./failingTexts").then(
      (it) => setLoaded(it.FAILING_TEXTS),
      () => {},
    );
  }, []);
  const now = useNow();
  if (!loaded) return <FailingLine operator={failing.operator} />;
  const words = loaded[locale];
  const { operator, count, isWhole, since, phones, technical, lastPaidAt, reasons } = failing;
  const from = dayOf(Date.parse(since));
  const isOneMinute = lastPaidAt !== null && format.moment(since, now) === format.moment(lastPaidAt, now);
  const moment = isOneMinute ? format.exactMoment : format.moment;
  const other = operator === "MTN" ? "Orange" : "MTN";
  return (
    <div className="notice strip detailed" data-tone="negative" data-failing={operator}>
      <ToneShape tone="negative" />
      <div>
        <p>
          <strong>{words.line(operator, count, isWhole, moment(since, now))}</strong> {`${texts.list.phones(phones)}.`}{" "}
          {words.paid(lastPaidAt && moment(lastPaidAt, now))}{" "}
          <a href={hrefOf("payments", "", { operator, status: "FAILED", period: "days", from, to: dayOf(now) })}>
            {words.list(format.moment(`${from}T00:00:00+01:00`, now))}
          </a>
        </p>
        <p className="small">
          {words.cause(technical, count)}{" "}
          {reasons
            .map((it) => {
              const meaning = it.failureCode === "unknown" ? words.unknown : texts.failures[it.failureCode];
              return `${it.count} × ${meaning}${it.reason ? ` (${it.reason})` : ""}`;
            })
            .join(" · ")}
        </p>
        <p className="small">{words.advice(operator, isAlone ? other : null)}</p>
      </div>
    </div>
  );
}
