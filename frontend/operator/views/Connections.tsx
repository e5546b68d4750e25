import "../live.css";

import { useEffect } from "react";

import type { ConnectedClient, ConnectionsPage, PaymentStatus } from "../apiTypes";
import { CONNECTION_TEXTS } from "../connectionTexts";
import { useNow } from "../PaymentTable";
import { useLoaded, usePage } from "../page";
import { hrefOfPayment } from "../router";
import { Mark } from "../StateMark";
import { Trouble } from "../Trouble";
import { lacksWebhooks, WebhookNews } from "../WebhookNews";

const READ_MS = 10_000;
const ROWS = 50;

/** Who is connected: whether customers see changes live, through which gateways, and what they track. */
export function Connections() {
  const { api, texts, locale, format } = usePage();
  const words = CONNECTION_TEXTS[locale];
  const path = `debug/connections?limit=${ROWS}`;
  const { answer, error, reload } = useLoaded(path, () => api.get<ConnectionsPage>(path));
  useEffect(() => {
    const timer = setInterval(() => void reload(), READ_MS);
    return () => clearInterval(timer);
  }, [reload]);
  return (
    <>
      <section className="card">
        <h1>{words.title}</h1>
        <Trouble error={error} onRetry={reload} />
        {answer ? <Health page={answer} /> : error === null && <p className="muted">{texts.loading}</p>}
        {answer && <WebhookNews webhooks={answer.webhooks} />}
        {answer && answer.gateways.length > 0 && <Gateways page={answer} />}
      </section>
      {answer && answer.clients.length > 0 && (
        <section className="card">
          <h2>{words.customers}</h2>
          <ul className="rows">
            {answer.clients.map((client) => (
              <Customer key={client.socketId} client={client} />
            ))}
          </ul>
          {answer.cursor && <p className="muted small">{words.more(format.number(answer.clients.length))}</p>}
        </section>
      )}
    </>
  );
}

function Health({ page }: { readonly page: ConnectionsPage }) {
  const { locale, format } = usePage();
  const words = CONNECTION_TEXTS[locale];
  const state = page.storage === "degraded" ? "away" : page.gateways.length === 0 ? "noGateway" : "well";
  const isWell = state === "well";
  const lacksNews = isWell && lacksWebhooks(page.webhooks); // then not all is well: the line below says what is not
  const customers = page.gateways.reduce((count, gateway) => count + gateway.clients, 0);
  return (
    <div
      className="notice"
      data-tone={lacksNews ? "neutral" : isWell ? "positive" : "negative"}
      role="status"
      data-health={state}
    >
      {!lacksNews && <p className="outcome">{words.health[state].title}</p>}
      <p>{words.health[state].sentence}</p>
      {isWell && <p>{words.connected(customers, format.number(customers))}</p>}
    </div>
  );
}

function Gateways({ page }: { readonly page: ConnectionsPage }) {
  const { locale, format } = usePage();
  const words = CONNECTION_TEXTS[locale];
  const now = useNow();
  return (
    <table className="numbers">
      <thead>
        <tr>
          <th scope="col">{words.gateway}</th>
          <th scope="col">{words.runsSince}</th>
          <th scope="col">{words.customers}</th>
          <th scope="col">{words.payments}</th>
        </tr>
      </thead>
      <tbody>
        {page.gateways.map(({ gatewayId, startedAt, clients, payments }) => (
          <tr key={gatewayId}>
            <th scope="row">{gatewayId.slice(0, 6)}</th>
            <td>{format.age(now - Date.parse(startedAt))}</td>
            <td>{format.number(clients)}</td>
            <td>{format.number(payments)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Customer({ client }: { readonly client: ConnectedClient }) {
  const { texts, locale, format } = usePage();
  const now = useNow();
  return (
    <li>
      <span className="muted">{CONNECTION_TEXTS[locale].since(format.age(now - Date.parse(client.connectedAt)))}</span>
      {client.payments.map(({ reference, status }) => (
        <span key={reference}>
          <a href={hrefOfPayment(reference)}>{reference.slice(0, 8)}</a>{" "}
          {status && (
            <Mark tone={status === "SUCCESSFUL" ? "positive" : "neutral"}>{texts.states[status as PaymentStatus]}</Mark>
          )}
        </span>
      ))}
    </li>
  );
}
