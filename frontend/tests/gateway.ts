import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket } from "socket.io";

import { CONNECTED, TRACK } from "../src/paymentContract";

/** The API's answer to a request: a status and a body; null for no answer. */
export type Respond = (request: IncomingMessage, body: string) => readonly [status: number, body: unknown] | null;
export type Acknowledge = (request: unknown, socket: Socket) => unknown;

/** Runs a gateway and an API in one process: the official Socket.IO server, and scripted HTTP answers. */
export class GatewayAndApi {
  track: Acknowledge = () => ({ ok: true, payment: null });
  respond: Respond = () => [404, {}];
  /** The answer to `current`: the payment that the order has already, if any. */
  current: unknown = null;
  /** The header of an answer to `current` without a body. */
  operatorNotice: string | null = null;
  /** The URL and the credential of each call of `current`. */
  readonly currentCalls: unknown[] = [];
  readonly tracked: unknown[] = [];
  readonly transports: string[] = [];
  url = "";
  #http = createServer((request, response) => void this.#answer(request, response));
  #io = new Server(this.#http, { cors: { origin: "*" } });

  async start(): Promise<this> {
    this.#io.on("connection", (socket) => {
      this.transports.push(socket.conn.transport.name);
      socket.emit(CONNECTED, { message: "", socketId: socket.id, timestamp: new Date().toISOString() });
      socket.on(TRACK, (request: unknown, acknowledge: (answer: unknown) => void) => {
        this.tracked.push(request);
        const answer = this.track(request, socket);
        if (answer !== undefined) acknowledge(answer);
      });
    });
    await new Promise<void>((listening) => this.#http.listen(0, "127.0.0.1", listening));
    this.url = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
    return this;
  }

  get connections(): number {
    return this.#io.engine.clientsCount;
  }

  emit(name: string, payload: unknown): void {
    this.#io.emit(name, payload);
  }

  /** Closes every transport, as a lost network does. */
  cut(): void {
    for (const socket of this.#io.sockets.sockets.values()) socket.conn.close();
  }

  /** Disconnects the clients, after which they do not reconnect by themselves. */
  dismiss(): void {
    this.#io.disconnectSockets();
  }

  async stop(): Promise<void> {
    this.#http.closeAllConnections();
    await this.#io.close();
  }

  #reply(request: IncomingMessage, body: string): readonly [status: number, body: unknown] | null {
    if (request.method === "OPTIONS") return [204, ""];
    if (!request.url?.startsWith("/api/payment/current")) return this.respond(request, body);
    this.currentCalls.push([request.url, request.headers.authorization]);
    return this.current ? [200, this.current] : [204, ""];
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.startsWith("/socket.io")) return;
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const headers = {
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Allow-Headers": "*",
      ...(this.operatorNotice && { "Operator-Notice": this.operatorNotice }),
    };
    const answer = this.#reply(request, body);
    if (answer === null) return;
    const text = typeof answer[1] === "string" ? answer[1] : JSON.stringify(answer[1]);
    response.writeHead(answer[0], headers).end(text);
  }
}

export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never: ${condition}`);
    await new Promise((later) => setTimeout(later, 10));
  }
}
