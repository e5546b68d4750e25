// Linux sockets without a layer between, by Bun's foreign function interface: a read is one system call and allocates
// nothing. With a callback for each socket and read (Node's or Bun's own sockets), each read costs 2 us more.
import { dlopen, ptr, read } from "bun:ffi";

const LOOPBACK = [127, 0, 0, 1];
const [AF_INET, SOCK_STREAM, IPPROTO_TCP, TCP_NODELAY] = [2, 1, 6, 1];
const [EPOLLIN, EPOLL_CTL_ADD] = [1, 1];
const [MSG_DONTWAIT, MSG_NOSIGNAL] = [0x40, 0x4000];
const EAGAIN = 11;
/** Words of 32 bits of a `struct epoll_event`; it is packed on x86-64 alone. The file descriptor is at `FD`. */
const [WORDS, FD] = process.arch === "x64" ? [3, 1] : [4, 2];
const MOST_EVENTS = 1024;

const { symbols: libc } = dlopen("libc.so.6", {
  socket: { args: ["int", "int", "int"], returns: "int" },
  connect: { args: ["int", "ptr", "u32"], returns: "int" },
  setsockopt: { args: ["int", "int", "int", "ptr", "u32"], returns: "int" },
  send: { args: ["int", "ptr", "u64_fast", "int"], returns: "i64_fast" },
  recv: { args: ["int", "ptr", "u64_fast", "int"], returns: "i64_fast" },
  usleep: { args: ["u32"], returns: "int" },
  close: { args: ["int"], returns: "int" },
  epoll_create1: { args: ["int"], returns: "int" },
  epoll_ctl: { args: ["int", "int", "int", "ptr"], returns: "int" },
  epoll_wait: { args: ["int", "ptr", "int", "int"], returns: "int" },
  __errno_location: { args: [], returns: "ptr" },
});

function errno() {
  return read.i32(libc.__errno_location(), 0);
}

function checked(result, call) {
  if (result < 0) throw new Error(`${call}: errno ${errno()}`);
  return result;
}

export function connectTo(port) {
  const fd = checked(libc.socket(AF_INET, SOCK_STREAM, 0), "socket");
  const address = new Uint8Array(16);
  new DataView(address.buffer).setUint16(0, AF_INET, true);
  new DataView(address.buffer).setUint16(2, port);
  address.set(LOOPBACK, 4);
  checked(libc.connect(fd, ptr(address), address.length), "connect");
  checked(libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, ptr(new Int32Array([1])), 4), "setsockopt");
  return fd;
}

export function nap(microseconds) {
  libc.usleep(microseconds);
}

export function close(fd) {
  checked(libc.close(fd), "close");
}

/** Sends the first `length` bytes, and waits until the kernel has taken all of them. */
export function send(fd, bytes, length = bytes.length) {
  const start = ptr(bytes);
  for (let sent = 0; sent < length; )
    sent += checked(Number(libc.send(fd, start + sent, length - sent, MSG_NOSIGNAL)), "send");
}

/** Receives into `bytes` from `at` on. Returns how many have come: 0 where the connection has ended. */
export function receive(fd, bytes, at = 0) {
  return checked(Number(libc.recv(fd, ptr(bytes) + at, bytes.length - at, 0)), "recv");
}

/** A buffer that many sockets receive into in turn. */
export class Inbox {
  constructor(size) {
    this.bytes = Buffer.alloc(size);
    this.start = ptr(this.bytes);
  }

  /** Receives what there is, behind the first `at` bytes. Returns null where nothing is there, 0 at the end. */
  receive(fd, at) {
    const count = Number(libc.recv(fd, this.start + at, this.bytes.length - at, MSG_DONTWAIT));
    return count < 0 && errno() === EAGAIN ? null : checked(count, "recv");
  }
}

export class Poll {
  constructor() {
    this.fd = checked(libc.epoll_create1(0), "epoll_create1");
    this.events = new Int32Array(WORDS * MOST_EVENTS);
    this.start = ptr(this.events);
  }

  add(fd) {
    const event = new Int32Array(WORDS);
    event[0] = EPOLLIN;
    event[FD] = fd;
    checked(libc.epoll_ctl(this.fd, EPOLL_CTL_ADD, fd, ptr(event)), "epoll_ctl");
  }

  /** Waits for something to read, and calls `onReadable` with each file descriptor. */
  wait(milliseconds, onReadable) {
    const count = libc.epoll_wait(this.fd, this.start, MOST_EVENTS, milliseconds);
    for (let index = 0; index < count; index += 1) onReadable(this.events[WORDS * index + FD]);
  }
}
