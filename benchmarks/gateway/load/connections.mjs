// The connections to the server and to Redis.
import { Inbox, Poll, close, connectTo, send } from "./libc.mjs";
import { HANDSHAKE } from "./frames.mjs";

const INBOX_BYTES = 64 * 1024;
const OUTBOX_BYTES = 512 * 1024;

/** The open connections of browsers. */
export class Connections {
  constructor(port) {
    this.port = port;
    this.poll = new Poll();
    this.inbox = new Inbox(INBOX_BYTES);
    this.browsers = new Map(); // by file descriptor
    this.reads = 0;
    this.onReadable = (fd) => this.read(fd);
  }

  open(browser) {
    const fd = connectTo(this.port);
    this.browsers.set(fd, browser);
    browser.fd = fd;
    browser.send = (bytes) => send(fd, bytes);
    this.poll.add(fd);
    send(fd, HANDSHAKE);
  }

  closeAll() {
    for (const { fd } of this.browsers.values()) close(fd);
    this.browsers.clear();
  }

  /** Reads once from each connection on which something has come; waits so long for the first. */
  turn(milliseconds) {
    this.poll.wait(milliseconds, this.onReadable);
  }

  read(fd) {
    const { inbox } = this;
    const browser = this.browsers.get(fd);
    const kept = browser.rest?.copy(inbox.bytes) ?? 0;
    const count = inbox.receive(fd, kept);
    if (count === null) return;
    if (count === 0) throw new Error(`${browser.payment.reference}: the server has ended the connection`);
    this.reads += 1;
    const end = kept + count;
    const taken = browser.take(inbox.bytes, end);
    browser.rest = taken < end ? Buffer.from(inbox.bytes.subarray(taken, end)) : null;
  }
}

/** Publishes as the API does. What a turn publishes is sent at its end, in one piece. */
export class Publisher {
  constructor(port) {
    this.fd = connectTo(port);
    this.outbox = Buffer.alloc(OUTBOX_BYTES);
    this.length = 0;
    send(this.fd, Buffer.from("CLIENT REPLY OFF\r\n"));
  }

  publish(payment, change) {
    const command = payment.change(change);
    if (this.length + command.length > OUTBOX_BYTES) this.flush();
    this.outbox.set(command, this.length);
    this.length += command.length;
  }

  flush() {
    if (this.length > 0) send(this.fd, this.outbox, this.length);
    this.length = 0;
  }
}
