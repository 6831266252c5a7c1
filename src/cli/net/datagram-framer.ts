/** Datagrams over a byte stream: a two-byte big-endian length before each. */
export class DatagramFramer {
  readonly #deliver: (datagram: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(deliver: (datagram: Buffer) => void) {
    this.#deliver = deliver;
  }

  push(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (data.length >= 2 && data.length >= 2 + data.readUInt16BE(0)) {
      const end = 2 + data.readUInt16BE(0);
      this.#deliver(data.subarray(2, end));
      data = data.subarray(end);
    }
    this.#rest = data;
  }

  static frame(datagram: Buffer): Buffer {
    const header = Buffer.alloc(2);
    header.writeUInt16BE(datagram.length);
    return Buffer.concat([header, datagram]);
  }
}
