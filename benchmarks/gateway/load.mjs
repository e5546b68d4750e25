// Loads a gateway with raw sockets, and prints what it measured as one JSON object: `node load.mjs PLAN`.
//
// It speaks as little as it can: Engine.IO 4 in WebSocket frames, Redis' PUBLISH, no library. Every event is checked: its
// name, its turn, and that each version comes exactly once and in order.
import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { request as httpRequest } from "node:http";
import { performance } from "node:perf_hooks";

const plan = JSON.parse(readFileSync(process.argv[2], "utf8"));
const TEXT_FRAME = 0x81;
const VERSION = Buffer.from('"version":');
const wrong = [];

// ------------------------------------------------------------------ Redis

const redis = createConnection(plan.redisPort, "127.0.0.1");
redis.on("data", () => {});
let commands = [];

function publish(browser, status) {
  browser.version += 1;
  browser.expected = status.events;
  const body = `${browser.head[status.name]}${browser.version}${browser.tail[status.name]}`;
  const channel = `payment:{${browser.reference}}`;
  if (commands.length === 0) setImmediate(flush);
  commands.push(
    `*3\r\n$7\r\nPUBLISH\r\n$${channel.length}\r\n${channel}\r\n$${Buffer.byteLength(body)}\r\n${body}\r\n`,
  );
}

function flush() {
  redis.write(commands.join(""));
  commands = [];
}

// ------------------------------------------------------------------ browsers

class Browser {
  constructor(reference, token) {
    this.reference = reference;
    this.token = token;
    this.version = 1; // the newest that was published
    this.seen = 0; // the newest that came whole
    this.step = 0; // events of the next version that have come
    this.expected = ["payment-status"];
    this.rest = null;
    this.isTracking = false;
    this.onVersion = () => {};
    this.head = {};
    this.tail = {};
    for (const [name, template] of Object.entries(plan.templates)) {
      const [head, tail] = template.replaceAll("REFERENCE", reference).split("VERSION");
      this.head[name] = head;
      this.tail[name] = tail;
    }
  }

  connect() {
    return new Promise((resolve, reject) => {
      this.tracked = resolve;
      this.refused = reject;
      const socket = createConnection(plan.port, "127.0.0.1");
      this.socket = socket;
      socket.setNoDelay(true);
      socket.on("error", reject);
      socket.on("data", (data) => this.read(data));
      socket.write(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: gateway.shop.example\r\n" +
          "Origin: https://shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
          "User-Agent: Mozilla/5.0 (Linux; Android 11; SM-A125F) AppleWebKit/537.36 (KHTML, like Gecko) " +
          "Chrome/120.0.0.0 Mobile Safari/537.36\r\nAccept-Language: fr-CM,fr;q=0.9,en;q=0.8\r\n" +
          "Pragma: no-cache\r\nCache-Control: no-cache\r\n\r\n",
      );
    });
  }

  read(data) {
    let buffer = this.rest === null ? data : Buffer.concat([this.rest, data]);
    this.rest = null;
    if (!this.isOpen) {
      const end = buffer.indexOf("\r\n\r\n");
      if (end < 0) {
        this.rest = buffer;
        return;
      }
      if (!buffer.subarray(0, 12).toString().endsWith("101")) this.refused(new Error(buffer.toString()));
      this.isOpen = true;
      buffer = buffer.subarray(end + 4);
    }
    let at = 0;
    while (at + 2 <= buffer.length) {
      let length = buffer[at + 1];
      let start = at + 2;
      if (length === 126) {
        if (at + 4 > buffer.length) break;
        length = buffer.readUInt16BE(at + 2);
        start = at + 4;
      }
      if (start + length > buffer.length) break;
      if (buffer[at] === TEXT_FRAME) this.packet(buffer, start, start + length);
      at = start + length;
    }
    if (at < buffer.length) this.rest = Buffer.from(buffer.subarray(at));
  }

  packet(buffer, start, end) {
    const type = buffer[start] - 48;
    if (type === 4 && buffer[start + 1] === 50 && buffer[start + 2] === 91) this.event(buffer, start, end);
    else if (type === 4 && buffer[start + 1] === 51) this.ack(buffer.toString("utf8", start, end));
    else if (type === 4 && buffer[start + 1] === 48)
      this.send(`421["track-payment",{"reference":"${this.reference}","token":"${this.token}"}]`);
    else if (type === 0) this.send("40");
    else if (type === 2) this.send("3");
    else wrong.push(buffer.toString("utf8", start, Math.min(end, start + 80)));
  }

  ack(text) {
    if (!text.includes('"ok":true')) wrong.push(text.slice(0, 120));
    this.isTracking = true;
    this.step = 0;
    this.seen = this.version;
    this.tracked();
  }

  event(buffer, start, end) {
    if (!this.isTracking) return; // `connected`, and the snapshot
    const name = this.expected[this.step];
    const isInTurn = buffer.toString("latin1", start + 4, start + 4 + name.length) === name;
    const digits = buffer.indexOf(VERSION, start + 4 + name.length) + VERSION.length;
    let version = 0;
    for (let at = digits; buffer[at] >= 48 && buffer[at] <= 57; at += 1) version = version * 10 + buffer[at] - 48;
    if (!isInTurn || digits > end || version !== this.seen + 1)
      wrong.push(`${buffer.toString("latin1", start, start + 40)} version ${version} after ${this.seen}`);
    this.step += 1;
    if (this.step < this.expected.length) return;
    this.step = 0;
    this.seen = version;
    this.onVersion(this);
  }

  send(text) {
    const body = Buffer.from(text);
    const isLong = body.length > 125;
    const frame = Buffer.alloc(body.length + (isLong ? 8 : 6));
    frame[0] = TEXT_FRAME;
    frame[1] = 0x80 | (isLong ? 126 : body.length);
    if (isLong) frame.writeUInt16BE(body.length, 2); // the mask is four zeros
    body.copy(frame, isLong ? 8 : 6);
    this.socket.write(frame);
  }
}

async function connectAll(browsers) {
  const waiting = browsers.values();
  const connectEach = async () => {
    for (const browser of waiting) await browser.connect();
  };
  await Promise.all(Array.from({ length: plan.handshakesAtOnce }, connectEach));
}

// ------------------------------------------------------------------ measuring

const TICKS = 100; // of /proc/PID/stat a second

function serverCpuSeconds() {
  const fields = readFileSync(`/proc/${plan.serverPid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function serverKilobytes() {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${plan.serverPid}/status`, "utf8"))[1]);
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Measures what `work` does: wall and processor time of the server, and our own share of a core. */
async function measure(work) {
  const [began, cpu, own] = [performance.now(), serverCpuSeconds(), process.cpuUsage()];
  const counted = await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(own);
  return { ...counted, seconds, serverCpu: serverCpuSeconds() - cpu, loadShare: (user + system) / 1e6 / seconds };
}

/** Keeps `inFlight` versions under way, each browser's next after its last, until the time is over and all have come. */
function flood(browsers, status, inFlight) {
  return measure(async () => {
    const ends = performance.now() + plan.seconds * 1000;
    let versions = 0;
    let open = 0;
    let done;
    const whole = new Promise((resolve) => {
      done = resolve;
    });
    const idle = [...browsers];
    const next = (browser) => {
      open += 1;
      publish(browser, status);
    };
    for (const browser of browsers) {
      browser.onVersion = () => {
        versions += 1;
        open -= 1;
        idle.push(browser);
        if (performance.now() < ends) next(idle.shift());
        else if (open === 0) done();
      };
    }
    for (let started = 0; started < Math.min(inFlight, browsers.length); started += 1) next(idle.shift());
    await whole;
    return { events: versions * status.events.length };
  });
}

/** The same for one payment that all browsers watch. */
function fanOut(browsers, status, inFlight) {
  return measure(async () => {
    const ends = performance.now() + plan.seconds * 1000;
    const [first] = browsers;
    let deliveries = 0;
    let done;
    const whole = new Promise((resolve) => {
      done = resolve;
    });
    for (const browser of browsers) {
      browser.expected = status.events;
      browser.onVersion = () => {
        deliveries += 1;
        if (deliveries % browsers.length !== 0) return;
        if (performance.now() < ends) publish(first, status);
        else if (browsers.every(({ seen }) => seen === first.version)) done();
      };
    }
    for (let started = 0; started < inFlight; started += 1) publish(first, status);
    await whole;
    return { events: deliveries };
  });
}

/** Publishes at an even rate, and notes how long each version took. */
function pace(browsers, status, perSecond) {
  return measure(async () => {
    const took = [];
    const publishedAt = new Map();
    let turn = 0;
    for (const browser of browsers)
      browser.onVersion = () => took.push(performance.now() - publishedAt.get(browser));
    const began = performance.now();
    while (performance.now() - began < plan.seconds * 1000) {
      const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
      for (; turn < due; turn += 1) {
        const browser = browsers[turn % browsers.length];
        publishedAt.set(browser, performance.now());
        publish(browser, status);
      }
      await pause(0.001);
    }
    while (took.length < turn) await pause(0.01);
    took.sort((a, b) => a - b);
    return { events: turn, p50: took[Math.floor(turn * 0.5)], p99: took[Math.floor(turn * 0.99)] };
  });
}

/** Cuts all connections, and asks for the health until nothing moves any more: the longest answer is the longest pause. */
function leave(browsers) {
  return measure(async () => {
    for (const { socket } of browsers) socket.destroy();
    let longest = 0;
    const ends = performance.now() + plan.leaveSeconds * 1000;
    while (performance.now() < ends) longest = Math.max(longest, await healthMilliseconds());
    return { longest };
  });
}

function healthMilliseconds() {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    httpRequest({ port: plan.port, host: "127.0.0.1", path: "/healthz", agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(performance.now() - began));
    })
      .on("error", reject)
      .end();
  });
}

const ONE = { name: "one", events: ["payment-status"] };
const THREE = { name: "three", events: ["payment-status", "payment-failed", "payment-completed"] };

async function run() {
  const measured = {};
  const own = plan.payments.map(([reference, token]) => new Browser(reference, token));
  const before = serverKilobytes();
  measured.connect = await measure(async () => {
    await connectAll(own);
    return { browsers: own.length };
  });
  await pause(plan.idleSeconds);
  measured.kilobytes = (serverKilobytes() - before) / own.length;
  if (plan.floods) {
    measured.one = await flood(own, ONE, plan.inFlight);
    measured.three = await flood(own, THREE, plan.inFlight);
  }
  measured.paced = await pace(own, ONE, plan.perSecond);
  measured.leave = await leave(own);
  if (plan.watchers) {
    const [reference, token] = plan.payments[0];
    const watchers = Array.from({ length: plan.watchers }, () => new Browser(reference, token));
    await connectAll(watchers);
    measured.fanOut = await fanOut(watchers, ONE, 8);
    for (const { socket } of watchers) socket.destroy();
  }
  return measured;
}

setTimeout(() => {
  console.error(`not done in ${plan.mostSeconds} s; wrong so far: ${wrong.slice(0, 3)}`);
  process.exit(1);
}, plan.mostSeconds * 1000);
const measured = await run();
console.log(JSON.stringify({ ...measured, wrong: wrong.length, firstWrong: wrong.slice(0, 3) }));
process.exit(0);
