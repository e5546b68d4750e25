import { type KeyboardEvent, useState } from "react";

import type { PaymentStatus } from "../apiTypes";
import { downloadCsv } from "../downloadCsv";
import { dayOf } from "../format";
import { PaymentTable } from "../PaymentTable";
import { Choice } from "../PreferenceChoice";
import { usePage } from "../page";
import { hrefOf, type Route, replaceBy } from "../router";
import { problemWords, Trouble } from "../Trouble";
import { usePaymentList } from "../usePaymentList";

const PERIODS = ["today", "hour", "yesterday", "week", "days"] as const;
type Period = (typeof PERIODS)[number];
const FILTERS = ["status", "operator", "minAmount", "maxAmount", "webhook"] as const;
const OPERATORS = ["MTN", "Orange"];
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The list: newest first, by period and filters, which stand in the address so that they survive a way back. */
export function Payments({ route }: { readonly route: Route }) {
  const { texts, format } = usePage();
  const words = texts.list;
  const given = Object.fromEntries(route.query);
  const period = PERIODS.find((name) => name === given["period"]) ?? "today";
  const [openedAt] = useState(Date.now);
  const { query, since } = parametersOf(period, given, openedAt);
  const list = usePaymentList(query, since);
  const set = (change: Readonly<Record<string, string>>) => replaceBy(hrefOf("payments", "", { ...given, ...change }));

  return (
    <section className="card">
      <h1>{words.title}</h1>
      <Choice
        label={words.period}
        options={PERIODS.map((name) => [name, words.periods[name]] as const)}
        chosen={period}
        onChoose={(name) => set({ period: name })}
      />
      <Filters {...{ given, period, set }} today={dayOf(openedAt)} />
      <p role="status" className="muted small">
        {list.asOf &&
          [
            words.count(format.number(list.payments.length), list.hasMore),
            ...(list.phones > 0 ? [words.phones(list.phones)] : []),
            words.updated(format.seconds(list.asOf)),
          ].join(" · ")}
      </p>
      <Trouble error={list.error} onRetry={list.reload} />
      {list.payments.length > 0 && <PaymentTable payments={list.payments} />}
      {list.isLoading && <p className="muted">{texts.loading}</p>}
      {!list.isLoading && list.payments.length === 0 && list.error === null && (
        <p className="muted">{words.noneAtAll}</p>
      )}
      <div className="buttons">
        {list.hasMore && !list.isLoading && (
          <button type="button" className="quiet" onClick={list.more}>
            {words.more}
          </button>
        )}
        <button type="button" className="quiet" onClick={list.reload}>
          {words.refresh}
        </button>
        <Download {...{ query, since }} />
      </div>
    </section>
  );
}

/** Returns the API's parameters, and from when on payments are shown: the API knows whole days only. */
function parametersOf(period: Period, given: Readonly<Record<string, string>>, now: number) {
  const query = new URLSearchParams();
  const [from, to] = daysOf(period, given, now);
  query.set("from", from);
  query.set("to", to);
  for (const name of FILTERS) if (given[name]) query.set(name, given[name]);
  return { query: query.toString(), since: period === "hour" ? now - HOUR_MS : 0 };
}

function daysOf(period: Period, given: Readonly<Record<string, string>>, now: number): [from: string, to: string] {
  const today = dayOf(now);
  const monday = now - ((new Date(`${today}T00:00:00Z`).getUTCDay() + 6) % 7) * DAY_MS;
  switch (period) {
    case "hour":
      return [dayOf(now - HOUR_MS), today];
    case "yesterday":
      return [dayOf(now - DAY_MS), dayOf(now - DAY_MS)];
    case "week":
      return [dayOf(monday), today];
    case "days": {
      const to = given["to"] || today;
      return [given["from"] || to, to];
    }
    default:
      return [today, today];
  }
}

interface FiltersProps {
  readonly given: Readonly<Record<string, string>>;
  readonly period: Period;
  readonly today: string;
  readonly set: (change: Readonly<Record<string, string>>) => void;
}

function Filters({ given, period, today, set }: FiltersProps) {
  const { texts } = usePage();
  const words = texts.list;
  const field = (name: string, label: string, input: "date" | "number") => (
    <label>
      {label}
      <input
        type={input}
        min={input === "number" ? 0 : undefined}
        step={input === "number" ? "any" : undefined}
        max={input === "date" ? today : undefined}
        defaultValue={given[name] ?? ""}
        onBlur={({ target }) => target.validity.valid && set({ [name]: target.value })}
      />
    </label>
  );
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the fields in it are what keys go to
    <div className="filters" onKeyDown={applyByEnter}>
      {period === "days" && field("from", words.from, "date")}
      {period === "days" && field("to", words.to, "date")}
      <Select label={words.state} value={given["status"] ?? ""} onChange={(status) => set({ status })}>
        {Object.keys(texts.states).map((status) => (
          <option key={status} value={status}>
            {texts.states[status as PaymentStatus]}
          </option>
        ))}
      </Select>
      <Select label={words.operator} value={given["operator"] ?? ""} onChange={(operator) => set({ operator })}>
        {OPERATORS.map((operator) => (
          <option key={operator}>{operator}</option>
        ))}
      </Select>
      {field("minAmount", words.minimum, "number")}
      {field("maxAmount", words.maximum, "number")}
      <Select label={words.webhook} value={given["webhook"] ?? ""} onChange={(webhook) => set({ webhook })}>
        <option value="missing">{texts.list.webhookMissing}</option>
      </Select>
    </div>
  );
}

/** Takes what stands in a field as leaving it does. */
function applyByEnter({ key, target }: KeyboardEvent): void {
  if (key !== "Enter" || !(target instanceof HTMLInputElement)) return;
  target.blur();
  target.focus();
}

interface SelectProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly children: React.ReactNode;
}

function Select({ label, value, onChange, children }: SelectProps) {
  const { texts } = usePage();
  return (
    <label>
      {label}
      <select value={value} onChange={({ target }) => onChange(target.value)}>
        <option value="">{texts.list.all}</option>
        {children}
      </select>
    </label>
  );
}

function Download({ query, since }: { readonly query: string; readonly since: number }) {
  const { api, texts, format } = usePage();
  const words = texts.list;
  const [said, setSaid] = useState("");
  const download = async () => {
    try {
      const rows = await downloadCsv(api, query, since, (count) => setSaid(words.csvBusy(format.number(count))));
      setSaid(words.csvDone(format.number(rows)));
    } catch (error) {
      setSaid(problemWords(error, texts));
    }
  };
  return (
    <>
      <button type="button" className="quiet" onClick={download}>
        {words.csv}
      </button>
      <span role="status" className="muted small">
        {said}
      </span>
    </>
  );
}
