/**
 * Stands in for socket.io-client, whose own code comes later, in the link's page at its end: the form is there, and can be
 * filled in, before it. What is asked of a socket until then is asked when it has come, in the same order.
 */

import type { io as openSocket, Socket } from "socket.io-client";

type Open = typeof openSocket;

declare global {
  interface Window {
    /** Takes socket.io-client, once it has come. */
    socketArrived: (open: Open) => void;
  }
}

let open: Open | null = null;
const waiting: (() => void)[] = [];

window.socketArrived = (arrived) => {
  open = arrived;
  for (const start of waiting.splice(0)) start();
};

export function io(url: string, options: Parameters<Open>[1]): Socket {
  if (open) return open(url, options);
  const asked: ((socket: Socket) => unknown)[] = [];
  let socket: Socket | null = null;
  const ask = (what: (socket: Socket) => unknown) => {
    if (socket) return what(socket);
    asked.push(what);
    return early;
  };
  waiting.push(() => {
    const real = (open as Open)(url, options);
    socket = real;
    for (const what of asked) what(real);
  });
  const early: Socket = new Proxy({} as Socket, {
    get(_, name: keyof Socket) {
      if (name === "connected") return socket?.connected ?? false;
      if (name === "io")
        return socket?.io ?? { reconnection: (on: boolean) => ask((real) => real.io.reconnection(on)) };
      return (...args: readonly unknown[]) =>
        ask((real) => (real[name] as (...given: readonly unknown[]) => unknown).apply(real, [...args]));
    },
  });
  return early;
}
