// Node with socket.io: `node node.mjs PORT REDIS_PORT KEY`.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { options, serve } from "./duties.mjs";

const [port, redisPort, key] = process.argv.slice(2);
const http = createServer((request, response) => response.writeHead(request.url === "/healthz" ? 200 : 404).end());
serve(new Server(http, options), { redisPort: Number(redisPort), key });
http.listen(Number(port), "127.0.0.1");
