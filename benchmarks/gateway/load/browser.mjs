// One browser: it speaks Engine.IO 4 and Socket.IO 5 in WebSocket frames, and checks each event that comes.
import { CONNECT, PING, PONG, PONG_PACKET, TEXT, browserFrame } from "./frames.mjs";

const SWITCHED = /^HTTP\/1\.1 101 /;

/**
 * Tracks one payment, through `send(bytes)`. What is not as it must be is told to `complain(text)`.
 *
 * An event is right when its frame is byte for byte the one that is due: the next event of the version after the last,
 * as it was published for this payment. So nothing can be lost, doubled, out of order, changed, or of another payment.
 */
export class Browser {
  constructor(payment, complain) {
    this.payment = payment;
    this.complain = (text) => complain(`${payment.reference} after version ${this.seen}: ${text}`);
    this.isOpen = false;
    this.isTracking = false;
    this.hasSnapshot = false;
    this.seen = 0; // the newest version that came whole
    this.step = 0; // events of the next version that have come
    this.events = 0;
    this.rest = null; // bytes of a frame that has not come whole
    this.onTracked = () => {};
    this.onVersion = () => {};
  }

  /** Takes what has come, up to `end`. Returns where a frame begins that has not come whole. */
  take(buffer, end) {
    let at = this.isOpen ? 0 : this.open(buffer, end);
    while (at < end) {
      const next = this.takeDue(buffer, at, end) || this.takeFrame(buffer, at, end);
      if (next === at) break;
      at = next;
    }
    return at;
  }

  open(buffer, end) {
    const head = buffer.subarray(0, end).indexOf("\r\n\r\n");
    if (head < 0) return 0;
    this.isOpen = true;
    const answer = buffer.toString("latin1", 0, head);
    if (!SWITCHED.test(answer)) this.complain(`the handshake was answered: ${answer.slice(0, 60)}`);
    return head + 4;
  }

  /** Takes the event that is due. Returns the end of its frame, or 0 where something else has come. */
  takeDue(buffer, at, end) {
    const { payment } = this;
    if (!this.isTracking || this.seen === payment.version) return 0;
    const { frames } = payment;
    const frame = frames[this.step].withVersion(this.seen + 1);
    const stop = at + frame.length;
    if (stop > end || buffer.compare(frame, 0, frame.length, at, stop) !== 0) return 0;
    this.events += 1;
    this.step += 1;
    if (this.step === frames.length) {
      this.step = 0;
      this.seen += 1;
      this.onVersion(this);
    }
    return stop;
  }

  /** Takes any other frame. Returns its end, or its beginning where it has not come whole. */
  takeFrame(buffer, at, end) {
    if (at + 2 > end) return at;
    let length = buffer[at + 1];
    let start = at + 2;
    if (length === 126) {
      if (at + 4 > end) return at;
      length = buffer.readUInt16BE(at + 2);
      start = at + 4;
    } else if (length > 126) {
      this.complain(`a frame with the length ${length}`); // masked, or larger than 64 KB
      return end;
    }
    if (start + length > end) return at;
    this.frame(buffer[at], buffer.subarray(start, start + length));
    return start + length;
  }

  frame(opcode, payload) {
    if (opcode === TEXT) this.packet(payload.toString());
    else if (opcode === PING) this.send(browserFrame(PONG, payload));
    else this.complain(`a frame that begins with ${opcode}`);
  }

  packet(text) {
    if (text.startsWith("0{")) this.send(CONNECT);
    else if (text === "2") this.send(PONG_PACKET);
    else if (text.startsWith("40{")) this.send(this.payment.track);
    else if (text.startsWith("431[")) this.tracked(text);
    else if (text.startsWith("42[") && !this.isTracking) this.hasSnapshot ||= this.isSnapshot(text);
    else this.complain(text.slice(0, 60));
  }

  isSnapshot(text) {
    const { version, reference } = this.payment;
    return text.startsWith(`42["payment-status",{"version":${version},`) && text.includes(`"reference":"${reference}"`);
  }

  tracked(text) {
    if (!text.includes('"ok":true')) this.complain(text.slice(0, 120));
    if (!this.hasSnapshot) this.complain("no snapshot came before the acknowledgement");
    this.isTracking = true;
    this.seen = this.payment.version;
    this.onTracked(this);
  }
}
