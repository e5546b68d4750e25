import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { focusIfFree } from "../focus";
import { useLookups } from "../lookups";
import { PaymentTable } from "../PaymentTable";
import { usePage } from "../page";
import { hrefOf } from "../router";
import { Trouble } from "../Trouble";
import { usePaymentList } from "../usePaymentList";
import { type Search, useSearch } from "../useSearch";

/** The first view: one box for whatever the customer has given, and the latest payments. */
export function Home() {
  const { texts } = usePage();
  const { search, look } = useSearch();
  const words = texts.search;
  const lookups = useLookups();
  const [before] = useState(lookups.here);
  const box = useRef<HTMLTextAreaElement>(null);
  const ids = { box: useId(), hint: useId() };
  const lookAgain = useRef(() => look(before, { opens: false }));
  useEffect(() => {
    if (before) void lookAgain.current();
    else focusIfFree(box.current);
  }, [before]);

  const lookNow = () => {
    const text = box.current?.value ?? "";
    lookups.keep(text);
    void look(text);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    lookNow();
  };
  const submitByEnter = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    lookNow();
  };

  return (
    <>
      <search>
        <form className="card search" onSubmit={submit}>
          <h1>
            <label htmlFor={ids.box}>{words.label}</label>
          </h1>
          <div className="search-row">
            <textarea
              ref={box}
              id={ids.box}
              rows={2}
              defaultValue={before}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              enterKeyHint="search"
              aria-describedby={ids.hint}
              onKeyDown={submitByEnter}
            />
            <button type="submit" className="primary" aria-disabled={search.name === "busy" || undefined}>
              {search.name === "busy" ? words.busy : words.submit}
            </button>
          </div>
          <p id={ids.hint} className="muted small">
            {words.hint}
          </p>
          <Outcome search={search} onRetry={lookNow} />
        </form>
      </search>
      {search.name !== "found" && <LatestPayments />}
    </>
  );
}

function Outcome({ search, onRetry }: { readonly search: Search; readonly onRetry: () => void }) {
  const { texts } = usePage();
  const words = texts.search;
  return (
    <>
      {/* Always there, so that screen readers announce what comes into it. */}
      <p role="status" className={search.name === "found" || search.name === "nothing" ? "outcome" : "muted"}>
        {search.name === "found" && words.found(search.found.payments.length)}
        {search.name === "nothing" && words.nothing}
        {search.name === "unreadable" && words.unreadable}
      </p>
      {search.name === "nothing" && (
        <p className="muted">
          {words.lookedFor(search.fields.map((field) => words.fields[field]).join(", "))}{" "}
          {search.fields.includes("short") && words.shortHelp}{" "}
          {search.fields.includes("operatorReference") && words.nothingHelp}
        </p>
      )}
      {search.name === "found" && <p className="muted">{words.matched(words.fields[search.field], search.value)}</p>}
      {search.name === "found" && search.doubt && (
        <p className="notice" data-tone="caution" role="alert">
          {words.doubts[search.doubt]}
        </p>
      )}
      {search.name === "found" && <PaymentTable payments={search.found.payments} />}
      {search.name === "found" && search.found.hasMore && <p className="muted small">{words.more}</p>}
      {search.name === "failed" && <Trouble error={search.error} onRetry={onRetry} />}
    </>
  );
}

const LATEST = "limit=8";

function LatestPayments() {
  const { texts } = usePage();
  const { payments, error, isLoading, reload } = usePaymentList(LATEST);
  return (
    <section className="card">
      <h2>{texts.search.latest}</h2>
      <Trouble error={error} onRetry={reload} />
      {payments.length > 0 && <PaymentTable payments={payments} />}
      {payments.length === 0 && error === null && (
        <p className="muted">{isLoading ? texts.loading : texts.list.noneAtAll}</p>
      )}
      <p>
        <a href={hrefOf("payments")}>{texts.search.all}</a>
      </p>
    </section>
  );
}
