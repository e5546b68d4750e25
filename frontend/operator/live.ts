/** Connects the page to the gateway's namespace for the shop's people. No other file of the page opens a socket. */

import { io } from "socket.io-client";

import { OPERATOR_NAMESPACE, PAYMENTS_CHANGED, type PaymentsChanged } from "../src/paymentContract";

export interface LiveListener {
  /** Something has changed, or the connection begins: then, and where it is not `complete`, all has to be read. */
  changed(change: PaymentsChanged): void;
  /** Nothing is pushed until the next change. It reconnects by itself. */
  lost(): void;
}

/** After a refusal. */
const AGAIN_MS = 5_000;

/** Opens the connection, with a new ticket at each attempt. Returns what closes it. */
export function openLive(
  gatewayUrl: string,
  ticket: () => Promise<string>,
  on: LiveListener,
  againMs = AGAIN_MS,
): () => void {
  const socket = io(new URL(OPERATOR_NAMESPACE, gatewayUrl).href, {
    auth: (give) =>
      void ticket().then(
        (given) => give({ ticket: given }),
        () => give({}),
      ),
    forceNew: true, // not shared, so that closing it closes the transport
    transports: ["websocket", "polling"],
    tryAllTransports: true,
    withCredentials: true, // the load balancer's cookie keeps long-polling at one gateway
    reconnectionDelay: 500,
    reconnectionDelayMax: 2_000,
  });
  let again: ReturnType<typeof setTimeout> | undefined;
  const comeBack = () => {
    on.lost();
    if (socket.active) return; // the client reconnects by itself
    clearTimeout(again);
    again = setTimeout(() => socket.connect(), againMs);
  };
  socket.on(PAYMENTS_CHANGED, (change: PaymentsChanged) => (change.live ? on.changed(change) : on.lost()));
  socket.on("disconnect", (reason) => {
    // The session has ended: the ticket for the next connection waits until the person has signed in again.
    if (reason === "io server disconnect") socket.connect();
    comeBack();
  });
  socket.on("connect_error", comeBack);
  return () => {
    clearTimeout(again);
    socket.off();
    socket.disconnect();
  };
}
