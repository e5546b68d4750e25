// The bytes that a browser and the API send, made before anything is measured.

const FIN = 0x80;
const MASKED = 0x80;
export const [TEXT, PING, PONG] = [FIN | 1, FIN | 9, FIN | 10];
const DIGITS = 6;
/** Versions have six digits, so that the next one can be written into bytes that are there already. */
const [FIRST_VERSION, LAST_VERSION] = [100_000, 999_999];
const VERSION = `${FIRST_VERSION}`;

export const HANDSHAKE = Buffer.from(
  "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: gateway.shop.example\r\n" +
    "Origin: https://shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
    "User-Agent: Mozilla/5.0 (Linux; Android 11; SM-A125F) AppleWebKit/537.36 (KHTML, like Gecko) " +
    "Chrome/120.0.0.0 Mobile Safari/537.36\r\nAccept-Language: fr-CM,fr;q=0.9,en;q=0.8\r\n" +
    "Pragma: no-cache\r\nCache-Control: no-cache\r\n\r\n",
);

/** A frame of a browser, whose mask is four zeros. */
export function browserFrame(opcode, payload) {
  const body = Buffer.from(payload);
  const isLong = body.length > 125;
  const frame = Buffer.alloc(body.length + (isLong ? 8 : 6));
  frame[0] = opcode;
  frame[1] = MASKED | (isLong ? 126 : body.length);
  if (isLong) frame.writeUInt16BE(body.length, 2);
  body.copy(frame, isLong ? 8 : 6);
  return frame;
}

/** A frame of the server, as it comes for a packet of more than 125 bytes. */
function serverFrame(payload) {
  const body = Buffer.from(payload);
  return Buffer.concat([Buffer.from([TEXT, 126, body.length >> 8, body.length & 255]), body]);
}

/** Bytes with a version in them. `withVersion()` returns them with another one, until the next call. */
class Versioned {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = bytes.indexOf(`"version":${VERSION}`) + '"version":'.length;
  }

  withVersion(version) {
    let rest = version;
    for (let place = this.at + DIGITS - 1; place >= this.at; place -= 1) {
      const next = (rest / 10) | 0;
      this.bytes[place] = 48 + rest - next * 10;
      rest = next;
    }
    return this.bytes;
  }
}

export const CONNECT = browserFrame(TEXT, "40");
export const PONG_PACKET = browserFrame(TEXT, "3");

/** What is sent and expected for one payment. `version` is the newest that was published, `frames` its events' frames. */
export class Payment {
  constructor({ reference, token }, templates) {
    this.reference = reference;
    this.version = FIRST_VERSION;
    this.track = browserFrame(TEXT, `421["track-payment",${JSON.stringify({ reference, token })}]`);
    this.changes = {};
    for (const [name, { events, template }] of Object.entries(templates)) {
      const body = template.replaceAll("REFERENCE", reference).replace("VERSION", VERSION);
      this.changes[name] = {
        command: new Versioned(publishCommand(`payment:{${reference}}`, body)),
        frames: events.map((event) => new Versioned(serverFrame(`42["${event}",${body}]`))),
      };
    }
  }

  /** Makes the next version. Returns the command that publishes it. */
  change(name) {
    if (this.version === LAST_VERSION) throw new Error(`${this.reference}: no version is left`);
    const { command, frames } = this.changes[name];
    this.version += 1;
    this.frames = frames;
    return command.withVersion(this.version);
  }
}

function publishCommand(channel, body) {
  const size = Buffer.byteLength(body);
  return Buffer.from(`*3\r\n$7\r\nPUBLISH\r\n$${channel.length}\r\n${channel}\r\n$${size}\r\n${body}\r\n`);
}
