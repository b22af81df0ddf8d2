import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { testBroker, type TestBroker } from '../../src/testing/test-broker.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import type { Counterpart, Outgoing, Program, Received } from './program.js';

type Headers = readonly (readonly [name: string, value: string])[];

interface Frame {
  readonly command: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

const deadline = { timeoutMs: 30_000 };
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', ':': '\\c' };
const unescapes = new Map(Object.entries(escapes).map(([plain, escaped]) => [escaped, plain]));

export const rawStomp: Counterpart = {
  name: 'a bare socket with STOMP 1.2',
  words: { text: 'text', bytes: 'bytes' },
  start: () => RawStomp.connect(),
};

/** Frames written by hand: text without a content-length, bytes with one. */
export class RawStomp implements Program {
  readonly #socket: Socket;
  readonly #receipts = new Set<string>();
  readonly #received = new Map<string, Received[]>();
  #input = Buffer.alloc(0);
  #connected = false;
  #fault: string | undefined;
  #next = 0;

  static async connect(broker?: TestBroker): Promise<RawStomp> {
    const { host, stompPort, username, password } = broker ?? (await testBroker());
    const program = new RawStomp(connect(stompPort, host));
    program.#write('CONNECT', [
      ['accept-version', '1.2'],
      ['host', host],
      ['login', username],
      ['passcode', password],
    ]);
    await program.#until('CONNECTED', () => program.#connected);
    return program;
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#input = Buffer.concat([this.#input, chunk]);
      for (let frame = this.#take(); frame !== undefined; frame = this.#take()) this.#handle(frame);
    });
    socket.on('error', (error) => (this.#fault ??= error.message));
    socket.on('close', () => (this.#fault ??= 'the connection is closed'));
  }

  listen(event: string, queue: string): Promise<readonly Received[]> {
    return this.#subscribe(`${event}::${queue}`, 'MULTICAST');
  }

  read(archive: string): Promise<readonly Received[]> {
    return this.#subscribe(archive, 'ANYCAST');
  }

  async send(event: string, { kind, body, headers }: Outgoing): Promise<void> {
    const bytes = Buffer.from(body);
    const length: Headers = kind === 'bytes' ? [['content-length', String(bytes.length)]] : [];
    await this.sendRaw(event, [...length, ...Object.entries(headers)], bytes);
  }

  /** With no other headers than where it goes. */
  async sendRaw(event: string, headers: Headers, body: Buffer, type = 'MULTICAST'): Promise<void> {
    await this.#confirmed('SEND', [['destination', event], ['destination-type', type], ...headers], body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#socket.destroyed) {
      const closed = once(this.#socket, 'close');
      this.#socket.destroy();
      await closed;
    }
  }

  async #subscribe(destination: string, type: string): Promise<readonly Received[]> {
    const received: Received[] = [];
    const id = String(this.#next++);
    this.#received.set(id, received);
    const kind = ['subscription-type', type] as const;
    await this.#confirmed('SUBSCRIBE', [['id', id], ['destination', destination], kind, ['ack', 'client-individual']]);
    return received;
  }

  async #confirmed(command: string, headers: Headers, body?: Buffer): Promise<void> {
    const receipt = `r${String(this.#next++)}`;
    this.#write(command, [...headers, ['receipt', receipt]], body);
    await this.#until(`the receipt of ${command}`, () => this.#receipts.has(receipt));
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    await waitUntil(() => condition() || this.#fault !== undefined, { ...deadline, what });
    if (!condition()) throw new Error(`STOMP waits for ${what}: ${String(this.#fault)}`);
  }

  #write(command: string, headers: Headers, body: Buffer = Buffer.alloc(0)): void {
    // STOMP does not escape in CONNECT.
    const escaped = (part: string): string => (command === 'CONNECT' ? part : part.replace(/[\\\n\r:]/g, (found) => escapes[found] ?? ''));
    const head = [command, ...headers.map((pair) => pair.map(escaped).join(':'))].join('\n');
    this.#socket.write(Buffer.concat([Buffer.from(`${head}\n\n`), body, Buffer.from([0])]));
  }

  /** The next frame, if all of it is here. */
  #take(): Frame | undefined {
    while (this.#input[0] === 0x0a) this.#input = this.#input.subarray(1);
    const end = this.#input.indexOf('\n\n');
    if (end < 0) return undefined;
    const [command = '', ...lines] = this.#input.subarray(0, end).toString().split('\n');
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [unescaped(line.slice(0, colon)), unescaped(line.slice(colon + 1))];
    });
    const from = end + 2;
    const length = valueOf(headers, 'content-length');
    const to = length === undefined ? this.#input.indexOf(0, from) : from + Number(length);
    if (to < from || this.#input.length <= to) return undefined;
    const body = this.#input.subarray(from, to);
    this.#input = this.#input.subarray(to + 1);
    return { command, headers, body };
  }

  #handle({ command, headers, body }: Frame): void {
    if (command === 'CONNECTED') this.#connected = true;
    else if (command === 'RECEIPT') this.#receipts.add(valueOf(headers, 'receipt-id') ?? '');
    else if (command === 'ERROR') this.#fault = `${valueOf(headers, 'message') ?? ''} ${body.toString()}`;
    else if (command === 'MESSAGE') {
      // The broker writes a length always; its place tells the kind.
      const names = headers.map(([name]) => name);
      const kind = names.indexOf('content-length') > names.indexOf('ack') ? 'text' : 'bytes';
      const received = this.#received.get(valueOf(headers, 'subscription') ?? '');
      // Of a name that is there twice the first value counts.
      received?.push({ kind, body: body.toString(), headers: Object.fromEntries([...headers].reverse()) });
      this.#write('ACK', [['id', valueOf(headers, 'ack') ?? '']]);
    }
  }
}

function valueOf(headers: Headers, name: string): string | undefined {
  return headers.find(([other]) => other === name)?.[1];
}

function unescaped(part: string): string {
  return part.replace(/\\./g, (found) => unescapes.get(found) ?? found);
}
