import { memo } from "react";

import type { Connection } from "../src/paymentWatch";

export interface ArrivedEvent {
  readonly number: number;
  readonly name: string;
  readonly payload: unknown;
  readonly at: Date;
}

/** Lists the Socket.IO events as received, the newest first. */
export function EventStream({ events, connection }: { events: readonly ArrivedEvent[]; connection: Connection }) {
  return (
    <section className="card">
      <h2>Events</h2>
      <p id="connection" data-connection={connection}>
        <span className="dot" aria-hidden="true" /> {connection}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be reachable by keyboard */}
      <ol id="events" reversed tabIndex={0} aria-label="Socket.IO events, newest first">
        {events.map((event) => <EventRow key={event.number} event={event} />).reverse()}
      </ol>
    </section>
  );
}

/** Shows an event. It is memoised, since there may be hundreds. */
const EventRow = memo(({ event }: { event: ArrivedEvent }) => {
  const payload = (event.payload ?? {}) as { version?: number; status?: string };
  return (
    <li data-event={event.name} data-version={payload.version}>
      <details>
        <summary>
          <time dateTime={event.at.toISOString()}>{event.at.toISOString().slice(11, 23)}</time> <b>{event.name}</b>{" "}
          {payload.status && `${payload.status} v${payload.version}`}
        </summary>
        <pre>{JSON.stringify(event.payload, null, 2)}</pre>
      </details>
    </li>
  );
});
