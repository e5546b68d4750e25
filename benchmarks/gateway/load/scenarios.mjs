// What is measured. Each scenario measures while it works, and afterwards makes sure that nothing more comes.
import { close, connectTo, nap, receive, send } from "./libc.mjs";
import { cpuSeconds } from "./processes.mjs";

/** Seconds without an event after which those under way count as lost. */
const STALL_SECONDS = 10;
const QUIET_SECONDS = 0.1;
/**
 * Where a server always has more to do, the load naps between its turns, so that each reads much at once and publishes
 * much at once: that halves what it takes. All browsers of one payment are read from in every third turn: a server's
 * write to each costs little more than a read, so that one read must take what several writes have brought.
 */
const FLOOD = { napMicroseconds: 500, turnsPerRead: 1 };
const FAN_OUT = { napMicroseconds: 8000, turnsPerRead: 3 };
const NO_NAP = { napMicroseconds: 0, turnsPerRead: 1 };
const HEALTH_EVERY_MILLISECONDS = 2;
const HEALTH = Buffer.from("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");

const seconds = () => performance.now() / 1000;

export class Scenarios {
  constructor(plan, connections, publisher) {
    this.plan = plan;
    this.connections = connections;
    this.publisher = publisher;
  }

  connect(browsers) {
    return this.measure(() => {
      let next = 0;
      let tracked = 0;
      const openNext = () => next < browsers.length && this.connections.open(browsers[next++]);
      for (const browser of browsers) {
        browser.onTracked = () => {
          tracked += 1;
          openNext();
        };
      }
      for (let opened = 0; opened < this.plan.handshakesAtOnce; opened += 1) openNext();
      this.until(() => tracked === browsers.length);
      return { browsers: browsers.length };
    });
  }

  /** Keeps `inFlight` versions under way, each browser's next after its last, until the time is over. */
  flood(browsers, change) {
    return this.measure(() => {
      const ends = seconds() + this.plan.seconds;
      const turns = [...browsers];
      let next = 0;
      let open = 0;
      let isOver = false;
      const publishNext = () => {
        open += 1;
        this.publisher.publish(turns[next++].payment, change);
      };
      for (const browser of browsers) {
        browser.onVersion = () => {
          open -= 1;
          turns.push(browser);
          if (!isOver) publishNext();
        };
      }
      for (let started = 0; started < Math.min(this.plan.inFlight, browsers.length); started += 1) publishNext();
      this.until(() => {
        isOver = seconds() > ends;
        return isOver && open === 0;
      }, FLOOD);
    }, browsers);
  }

  /** Publishes versions of one payment that all browsers watch, some at once in each turn while few are under way. */
  fanOut(browsers, change) {
    return this.measure(() => {
      const ends = seconds() + this.plan.seconds;
      const [{ payment }] = browsers;
      const first = payment.version;
      let deliveries = 0;
      for (const browser of browsers) {
        browser.onVersion = () => {
          deliveries += 1;
        };
      }
      this.until(() => {
        const open = payment.version - first - Math.floor(deliveries / browsers.length);
        if (seconds() > ends) return open === 0;
        const some = Math.min(this.plan.fanOutAtOnce, this.plan.fanOutInFlight - open);
        for (let published = 0; published < some; published += 1) this.publisher.publish(payment, change);
        return false;
      }, FAN_OUT);
    }, browsers);
  }

  /** Publishes at an even rate, each millisecond's share at once, and notes how long each version took. */
  pace(browsers, change) {
    return this.measure(() => {
      const took = [];
      let published = 0;
      for (const browser of browsers) browser.onVersion = () => took.push(performance.now() - browser.publishedAt);
      const began = performance.now();
      const last = this.plan.seconds * this.plan.perSecond;
      this.until(() => {
        const due = Math.floor((Math.floor(performance.now() - began) / 1000) * this.plan.perSecond);
        for (; published < Math.min(due, last); published += 1) {
          const browser = browsers[published % browsers.length];
          browser.publishedAt = performance.now();
          this.publisher.publish(browser.payment, change);
        }
        return took.length === last;
      });
      took.sort((a, b) => a - b);
      return { p50: took[Math.floor(last * 0.5)], p99: took[Math.floor(last * 0.99)] };
    }, browsers);
  }

  /** Cuts all connections, and asks for the health all the time: the longest answer is the longest pause. */
  leave() {
    return this.measure(() => {
      this.connections.closeAll();
      const ends = seconds() + this.plan.leaveSeconds;
      let longest = 0;
      while (seconds() < ends) {
        longest = Math.max(longest, this.healthMilliseconds());
        Bun.sleepSync(HEALTH_EVERY_MILLISECONDS);
      }
      return { longest };
    });
  }

  healthMilliseconds() {
    const began = performance.now();
    const fd = connectTo(this.plan.port);
    send(fd, HEALTH);
    const answer = Buffer.alloc(4096);
    if (receive(fd, answer) === 0) throw new Error("/healthz was not answered");
    const took = performance.now() - began;
    close(fd);
    return took;
  }

  /** Measures wall and processor time, of the server, of Redis and our own, and counts the events of `browsers`. */
  measure(work, browsers = []) {
    const events = () => browsers.reduce((total, browser) => total + browser.events, 0);
    const before = { events: events(), reads: this.connections.reads, ...this.taken() };
    const counted = work();
    const after = this.taken();
    const took = after.seconds - before.seconds;
    const result = {
      ...counted,
      seconds: took,
      serverCpu: after.server - before.server,
      loadCpu: after.load - before.load,
      redisCpu: after.redis - before.redis,
      events: events() - before.events,
      reads: this.connections.reads - before.reads,
    };
    this.rest(QUIET_SECONDS);
    return result;
  }

  taken() {
    const { user, system } = process.cpuUsage();
    const { serverPid, redisPid } = this.plan;
    return { seconds: seconds(), server: cpuSeconds(serverPid), redis: cpuSeconds(redisPid), load: (user + system) / 1e6 };
  }

  /** Waits, and checks what comes meanwhile. */
  rest(duration) {
    const ends = seconds() + duration;
    while (seconds() < ends) this.connections.turn(10);
  }

  /** Sends and reads until `isDone()`, which is asked before each turn. */
  until(isDone, { napMicroseconds, turnsPerRead } = NO_NAP) {
    let { reads } = this.connections;
    let readAt = seconds();
    for (let turn = 1; !isDone(); turn += 1) {
      this.publisher.flush();
      if (napMicroseconds > 0) nap(napMicroseconds);
      if (turn % turnsPerRead === 0) this.connections.turn(1);
      if (this.connections.reads !== reads) [reads, readAt] = [this.connections.reads, seconds()];
      if (seconds() - readAt > STALL_SECONDS) throw new Error(`lost: nothing came for ${STALL_SECONDS} s`);
    }
  }
}
