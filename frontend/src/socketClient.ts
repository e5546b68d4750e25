import type { io } from "socket.io-client";

/**
 * Loads socket.io-client, which comes after the form: a bundler makes a file of its own of it. Null where that does not
 * come; the payment is then read at intervals, and the next call tries again.
 */
export const socketClient = (): Promise<typeof io | null> =>
  import("socket.io-client").then(
    (client) => client.io,
    () => null,
  );
