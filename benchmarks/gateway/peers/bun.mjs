// Bun with Socket.IO's own engine for it: `bun bun.mjs PORT REDIS_PORT KEY`.
import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";
import { options, serve } from "./duties.mjs";

const [port, redisPort, key] = process.argv.slice(2);
const engine = new Engine({ path: "/socket.io/", maxHttpBufferSize: options.maxHttpBufferSize, cors: options.cors });
const io = new Server();
io.bind(engine);
serve(io, { redisPort: Number(redisPort), key });

const { fetch, ...handler } = engine.handler();
Bun.serve({
  ...handler,
  hostname: "127.0.0.1",
  port: Number(port),
  fetch: (request, server) =>
    new URL(request.url).pathname === "/healthz" ? new Response("ok") : fetch(request, server),
});
