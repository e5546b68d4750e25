/** Stands in for `src/socketClient.ts`: in the page of a link, socket.io-client comes with the page itself, at its end. */

import type { io } from "socket.io-client";

declare global {
  interface Window {
    /** Takes socket.io-client, once it has come. */
    socketArrived: (open: typeof io) => void;
  }
}

const arrived = new Promise<typeof io>((resolve) => {
  window.socketArrived = resolve;
});

export const socketClient = () => arrived;
