import "../live.css";

import { useMemo, useState, useSyncExternalStore } from "react";

import type { Analytics, AnalyticsFigures } from "../apiTypes";
import { Chart } from "../Chart";
import { dayOf } from "../format";
import { PaymentTable } from "../PaymentTable";
import { Choice } from "../PreferenceChoice";
import { type Page, useLoaded, usePage } from "../page";
import { hrefOf } from "../router";
import { Trouble } from "../Trouble";
import { type LiveDay, useLiveDay } from "../useLiveDay";
import { lacksWebhooks, WebhookNews } from "../WebhookNews";

const OPERATORS = ["MTN", "Orange"] as const;
const PERIODS = ["14", "30"] as const;
const DAY_MS = 86_400_000;

/** Today as it goes: what was paid, how well, how fast, what waits, and what has just changed. */
export function Today() {
  const { texts } = usePage();
  const live = useLiveDay();
  const webhooks = live.figures?.webhooks;
  const isAlarming = webhooks && lacksWebhooks(webhooks);
  const missingToday = live.figures
    ? sum(figuresOf(live.figures, live.figures.to), ({ webhooksMissing }) => webhooksMissing)
    : 0;
  return (
    <>
      <section className="card today">
        <h1>{texts.today.title}</h1>
        <Connection live={live} />
        {isAlarming && <WebhookNews webhooks={webhooks} missingToday={missingToday} />}
        <Trouble error={live.figures ? null : live.error} onRetry={live.reload} />
        {live.figures ? (
          <Figures figures={live.figures} waitingSince={live.waitingSince} />
        ) : (
          live.error === null && <p className="muted">{texts.loading}</p>
        )}
        {webhooks && !isAlarming && <WebhookNews webhooks={webhooks} />}
      </section>
      <Days live={live} />
      <section className="card">
        <h2>{texts.today.changes}</h2>
        {live.changed.length > 0 ? (
          <PaymentTable payments={live.changed} />
        ) : (
          <p className="muted">{live.figures ? texts.today.nothing : texts.loading}</p>
        )}
        <p>
          <a href={hrefOf("payments")}>{texts.list.title}</a>
        </p>
      </section>
    </>
  );
}

function Connection({ live: { lostAt, figures } }: { readonly live: LiveDay }) {
  const { texts, format } = usePage();
  return (
    <p role="status" className={lostAt === null ? "live muted small" : "live notice"} data-tone="caution">
      {lostAt === null && texts.today.live}
      {lostAt !== null && figures && texts.today.lost(format.seconds(lostAt), format.seconds(figures.timestamp))}
    </p>
  );
}

interface FiguresProps {
  readonly figures: Analytics;
  readonly waitingSince: string | null;
}

function Figures({ figures, waitingSince }: FiguresProps) {
  const { texts, format } = usePage();
  const words = texts.today;
  const of = figuresOf(figures, figures.to);
  const paid = sum(of, (each) => each.paid);
  const waiting = figures.days.reduce((count, { day }) => count + sum(figuresOf(figures, day), (it) => it.waiting), 0);
  const byOperator = (write: (each: AnalyticsFigures) => string) =>
    OPERATORS.map((name) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{of[name] ? write(of[name]) : "–"}</dd>
      </div>
    ));
  return (
    <dl className="tiles" data-version={figures.timestamp}>
      <div className="tile" data-figure="paid">
        <dt>{words.paid}</dt>
        <dd>
          <strong>{amountsOf(of, format)}</strong> <span className="muted">{words.payments(paid)}</span>
          <p className="muted small">{words.paidMeaning}</p>
        </dd>
      </div>
      <div className="tile" data-figure="rate">
        <dt>{words.rate}</dt>
        <dd>
          <dl className="pairs">
            {byOperator((each) => {
              if (each.successRate === null) return "–";
              return `${format.percent(each.successRate)} (${each.paid}/${each.started - each.waiting - each.conflicted})`;
            })}
          </dl>
        </dd>
      </div>
      <div className="tile" data-figure="approve">
        <dt>{words.approve}</dt>
        <dd>
          <dl className="pairs">
            {byOperator(({ secondsToApprove: { p50 } }) => (p50 === null ? "–" : format.duration(p50 * 1000)))}
          </dl>
        </dd>
      </div>
      <div className="tile" data-figure="waiting">
        <dt>{words.waiting}</dt>
        <dd>
          <strong>{format.number(waiting)}</strong>{" "}
          {waiting > 0 && waitingSince && <OldestWait since={Date.parse(waitingSince)} />}
        </dd>
      </div>
    </dl>
  );
}

function OldestWait({ since }: { readonly since: number }) {
  const { texts, format } = usePage();
  const now = useSyncExternalStore(everySecond, () => Math.floor(Date.now() / 1000) * 1000);
  return <span className="muted">{texts.today.oldest(format.duration(Math.max(1000, now - since)))}</span>;
}

const everySecond = (look: () => void) => {
  const timer = setInterval(look, 1000);
  return () => clearInterval(timer);
};

function Days({ live }: { readonly live: LiveDay }) {
  const { api, texts, format } = usePage();
  const words = texts.today;
  const [period, setPeriod] = useState<(typeof PERIODS)[number]>("14");
  const today = live.figures?.to ?? dayOf(Date.now());
  const days = useMemo(() => daysUntil(today, Number(period)), [today, period]);
  const key = `analytics?from=${days[0]}&to=${today}`;
  const { answer, error, reload } = useLoaded(key, () => api.get<Analytics>(key));
  if (!answer) {
    return (
      <section className="card">
        <Trouble error={error} onRetry={reload} />
        {error === null && <p className="muted">{texts.loading}</p>}
      </section>
    );
  }
  // Today's figures are the live ones.
  const figures = days.map((day) => figuresOf(day === live.figures?.to ? live.figures : answer, day));
  const currency = currencyOf(figures);
  const labels = days.map((day) => format.day(`${day}T12:00:00Z`));
  const common = { labels, firstColumn: words.day, inFigures: words.inFigures };
  return (
    <section className="card days">
      <Choice
        label={words.period}
        options={PERIODS.map((each) => [each, words.days(each)] as const)}
        chosen={period}
        onChoose={setPeriod}
      />
      <div className="charts">
        <Chart
          {...common}
          title={words.paidByDay}
          kind="bars"
          series={[
            {
              name: words.paid,
              className: "series-paid",
              values: figures.map((of) => sum(of, ({ paidAmounts }) => paidAmounts[currency] ?? 0)),
            },
          ]}
          write={(value) => format.amount(value, currency)}
          writeShort={(value) => format.short(value, currency)}
        />
        <Chart
          {...common}
          title={words.rateByDay}
          kind="lines"
          most={1}
          series={OPERATORS.map((name) => ({
            name,
            className: `series-${name.toLowerCase()}`,
            isDashed: name === "Orange",
            values: figures.map((of) => of[name]?.successRate ?? null),
          }))}
          write={format.percent}
          writeShort={format.percent}
        />
      </div>
    </section>
  );
}

type ByOperator = Readonly<Record<string, AnalyticsFigures>>;

/** Returns the figures of a day by operator. */
function figuresOf(analytics: Analytics, day: string): ByOperator {
  const found = analytics.days.find((each) => each.day === day);
  return Object.fromEntries((found?.operators ?? []).map(({ operator, figures }) => [operator, figures]));
}

const sum = (of: ByOperator, figure: (each: AnalyticsFigures) => number) =>
  Object.values(of).reduce((total, each) => total + figure(each), 0);

const currenciesOf = (of: ByOperator) => [...new Set(Object.values(of).flatMap((it) => Object.keys(it.paidAmounts)))];

function amountsOf(of: ByOperator, format: Page["format"]): string {
  const currencies = currenciesOf(of);
  const named = currencies.length > 0 ? currencies : ["XAF"];
  return named
    .map((it) =>
      format.amount(
        sum(of, ({ paidAmounts }) => paidAmounts[it] ?? 0),
        it,
      ),
    )
    .join(" + ");
}

/** Returns the currency of the chart: that of most days. */
function currencyOf(days: readonly ByOperator[]): string {
  const counts = new Map<string, number>();
  for (const it of days.flatMap(currenciesOf)) counts.set(it, (counts.get(it) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? "XAF";
}

/** Lists days up to one, as the API names them. */
function daysUntil(last: string, count: number): string[] {
  const noon = Date.parse(`${last}T12:00:00Z`);
  return Array.from({ length: count }, (_, index) => dayOf(noon - (count - 1 - index) * DAY_MS));
}
