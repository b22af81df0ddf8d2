import { once } from 'node:events';
import { createRequire } from 'node:module';
import type net from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import rhea from 'rhea';
import type { Connection, Container, Delivery, EventContext, Sender, Session } from 'rhea';
import { systemClock } from '../../../src/core/clock.js';
import { RheaConnection } from '../../../src/providers/amqp/rhea-driver.js';
import { FrameReader, writeAccepted, writeTransfers } from '../../../src/providers/amqp/rhea-frames.js';
import type { ReceiverLink, SenderLink, TransferToken } from '../../../src/providers/amqp/rhea-links.js';
import { decoded, encoded } from '../../../src/providers/amqp/rhea-message.js';
import { Tuning } from '../../../src/providers/amqp/rhea-tuning.js';
import { seedOfTests } from '../../support/random.js';
import { Dice } from './dice.js';
import { until } from './support.js';

type Fields = Record<string, unknown>;
interface Frame {
  readonly channel: number;
  readonly performative: Fields & { readonly constructor: { readonly descriptor: { readonly numeric: number } } };
  readonly payload?: Buffer;
}

/** What the client library itself writes and reads. */
const frames = createRequire(import.meta.url)('rhea/lib/frames.js') as {
  read_frame(bytes: Buffer): Frame;
  write_frame(frame: unknown): Buffer;
  amqp_frame(channel: number, performative: unknown, payload?: Buffer): unknown;
  transfer(fields: object): unknown;
  disposition(fields: object): unknown;
  flow(fields: object): unknown;
};
const { accepted, released } = rhea.message as unknown as Record<'accepted' | 'released', () => { described(): unknown }>;

const seed = seedOfTests();
const reader = new FrameReader();

const transferFields = ['handle', 'delivery_id', 'delivery_tag', 'message_format', 'settled', 'more'] as const;

/** As rhea reads it, with null and what is absent alike. */
function transferByRhea(bytes: Buffer): object {
  const { channel, performative, payload } = frames.read_frame(bytes);
  expect(performative.constructor.descriptor.numeric).toBe(0x14);
  const said = Object.fromEntries(transferFields.map((field) => [field, performative[field] ?? undefined]));
  return {
    channel,
    performative: { ...said, settled: said['settled'] === true, more: said['more'] === true, state: performative['state'] ?? undefined },
    payload,
  };
}

function dispositionByRhea(bytes: Buffer): object {
  const { channel, performative: said } = frames.read_frame(bytes);
  expect(said.constructor.descriptor.numeric).toBe(0x15);
  expect((said['state'] as { descriptor: { value: number } }).descriptor.value).toBe(0x24);
  return { channel, role: said['role'], first: said['first'], last: said['last'] ?? undefined, settled: said['settled'] };
}

describe('the bytes of a frame', () => {
  test(`that accepts messages are read by the client library as its own are (seed ${seed})`, () => {
    const dice = new Dice(seed);
    for (let round = 0; round < 300; round++) {
      const acceptances = Array.from({ length: 1 + dice.below(4) }, () => {
        const first = dice.of([0, 255, 256, dice.below(2 ** 32), 2 ** 32 - 1]);
        return { channel: dice.below(65_536), first, last: dice.of([first, 2 ** 32 - 1]) };
      });
      let bytes = writeAccepted(acceptances);
      for (const { channel, first, last } of acceptances) {
        const size = bytes.readUInt32BE();
        expect(dispositionByRhea(bytes.subarray(0, size))).toEqual({ channel, role: true, first, last, settled: true });
        bytes = bytes.subarray(size);
      }
      expect(bytes).toHaveLength(0);
    }
  });

  test(`that carries a message are read by the client library as its own are (seed ${seed})`, () => {
    const dice = new Dice(seed);
    for (let round = 0; round < 300; round++) {
      const transfers = Array.from({ length: 1 + dice.below(4) }, () => ({
        channel: dice.below(65_536),
        handle: dice.below(2 ** 32),
        id: dice.of([0, 255, 256, 2 ** 32 - 1]),
        tag: dice.bytes(32),
        payload: Buffer.alloc(dice.of([0, 1, 700, 8_191, 8_192, 20_000]), dice.below(256)),
      }));
      const pieces: Buffer[] = [];
      writeTransfers(transfers, { write: (bytes: Uint8Array | string) => pieces.push(bytes as Buffer) > 0 });
      let bytes = Buffer.concat(pieces);
      for (const { channel, handle, id, tag, payload } of transfers) {
        const size = bytes.readUInt32BE();
        const performative = {
          handle,
          delivery_id: id,
          delivery_tag: tag,
          message_format: 0,
          settled: false,
          more: false,
          state: undefined,
        };
        expect(
          isDeepStrictEqual(transferByRhea(bytes.subarray(0, size)), {
            channel,
            performative,
            payload: payload.length === 0 ? undefined : payload,
          }),
        ).toBe(true);
        bytes = bytes.subarray(size);
      }
      expect(bytes).toHaveLength(0);
    }
  });

  function theirs(dice: Dice): Buffer {
    const maybe = <T>(value: T): T | undefined => (dice.chance(0.7) ? value : undefined);
    const transfer = {
      handle: dice.below(300),
      delivery_id: maybe(dice.below(2 ** 32)),
      delivery_tag: maybe(dice.bytes(20)),
      message_format: maybe(dice.below(3)),
      settled: maybe(dice.chance(0.5)),
      more: maybe(dice.chance(0.5)),
      ...(dice.chance(0.2) && { rcv_settle_mode: 1 }),
      ...(dice.chance(0.2) && { batchable: true }),
    };
    const disposition = {
      role: dice.chance(0.9),
      first: dice.below(2 ** 32),
      last: maybe(dice.below(2 ** 32)),
      settled: dice.chance(0.9),
      state: (dice.chance(0.9) ? accepted() : released()).described(),
    };
    const [performative, payload] = dice.of<() => [unknown, Buffer?]>([
      () => [frames.transfer(transfer), dice.bytes(50)],
      () => [frames.disposition(disposition)],
      () => [frames.flow({ incoming_window: 1, next_outgoing_id: 2, outgoing_window: 3 })],
    ])();
    return frames.write_frame(frames.amqp_frame(dice.below(65_536), performative, payload));
  }

  function check(bytes: Buffer): boolean {
    const said = reader.read(bytes, 0, bytes.length);
    if (said === undefined) return false;
    if ('payload' in said) expect(isDeepStrictEqual(said, transferByRhea(bytes))).toBe(true);
    else {
      const { role, first, last, settled } = said.performative;
      expect({ channel: said.channel, role, first, last, settled }).toEqual(dispositionByRhea(bytes));
    }
    return true;
  }

  test(`that the client library wrote are read as it reads them, or left to it (seed ${seed})`, () => {
    const dice = new Dice(seed);
    let read = 0;
    for (let round = 0; round < 3_000; round++) if (check(theirs(dice))) read++;
    expect(read).toBeGreaterThan(1_000);
  });

  test(`that are broken are read as it reads them, or left to it (seed ${seed})`, () => {
    const dice = new Dice(seed);
    for (let round = 0; round < 10_000; round++) {
      const bytes = theirs(dice);
      for (let n = dice.below(2); n >= 0; n--)
        bytes[4 + dice.below(bytes.length - 4)] = dice.of([0, 1, 0x40, 0x45, 0x53, 0xa0, dice.below(256)]);
      const cut = dice.chance(0.2) ? bytes.subarray(0, 8 + dice.below(bytes.length - 7)) : bytes;
      cut.writeUInt32BE(cut.length);
      check(cut);
    }
  });
});

/** A peer of the client library's, which keeps what it gets, and what it is told of what it sent. */
class Peer {
  readonly #container: Container = rhea.create_container();
  readonly #server: net.Server;
  readonly received: Buffer[] = [];
  /** Of each frame that tells of outcomes: from where, to where. */
  readonly dispositions: [first: number, last: number][] = [];
  accepted = 0;
  sender: Sender | undefined;

  constructor(maxFrameSize?: number, judge?: (delivery: Delivery, body: string) => void) {
    const container = this.#container;
    container.on('error', () => undefined);
    container.on('disconnected', () => undefined);
    container.on('connection_open', ({ connection }: EventContext) => {
      const inner = connection as unknown as { on_disposition(frame: { performative: { first: number; last?: number } }): void };
      const told = inner.on_disposition.bind(connection);
      inner.on_disposition = (frame) => {
        const { first, last } = frame.performative;
        this.dispositions.push([first, last ?? first]);
        told(frame);
      };
    });
    container.on('sender_open', ({ sender }: EventContext) => {
      sender?.set_source(sender.source);
      this.sender = sender;
    });
    container.on('accepted', () => this.accepted++);
    container.on('message', ({ message, delivery }: EventContext) => {
      this.received.push(Buffer.from(message?.body as string));
      if (delivery !== undefined) judge?.(delivery, message?.body as string);
    });
    const options = { autoaccept: judge === undefined, ...(maxFrameSize !== undefined && { max_frame_size: maxFrameSize }) };
    this.#server = container.listen({ port: 0, host: '127.0.0.1', ...options });
  }

  async port(): Promise<number> {
    if (!this.#server.listening) await once(this.#server, 'listening');
    return (this.#server.address() as net.AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }
}

async function connected(peer: Peer): Promise<RheaConnection> {
  const options = {
    host: '127.0.0.1',
    port: await peer.port(),
    tls: undefined,
    username: undefined,
    password: undefined,
    containerId: 'tuned',
    idleTimeoutMs: 10_000,
    connectTimeoutMs: 10_000,
    clock: systemClock,
  };
  return RheaConnection.open(options, AbortSignal.timeout(20_000), () => undefined);
}

/** Sends texts over one link, as far as there is room, and resolves when all are accepted. */
async function send(connection: RheaConnection, texts: readonly string[]): Promise<void> {
  let next = 0;
  let accepted = 0;
  const pump = (): void => {
    while (next < texts.length && link.room > 0) link.send(encoded({ body: texts[next++] }), {});
  };
  const link: SenderLink = connection.openSender(
    { address: 'a' },
    {
      onOpen: pump,
      onSendable: pump,
      onAccepted: () => accepted++,
      onClosed: () => undefined,
      onDrained: () => undefined,
      onRefused: () => undefined,
    },
  );
  await until('all are accepted', () => {
    pump();
    return accepted === texts.length;
  });
  link.close();
}

describe('a connection', () => {
  test.each([
    ['of one frame each', undefined],
    ['cut into many frames', 1_000],
  ])('carries messages of every size, %s, in their order', async (_what, maxFrameSize) => {
    const peer = new Peer(maxFrameSize);
    try {
      const connection = await connected(peer);
      const texts = Array.from({ length: 3_000 }, (_, n) => `${n} ${'x'.repeat([0, 700, 9_000, 40_000][n % 97] ?? n % 50)}`);
      await send(connection, texts);
      expect(peer.received.map(String)).toEqual(texts);
      await connection.end(systemClock, 5_000);
    } finally {
      peer.close();
    }
  });

  test('tells of each message what became of it, taken or not, in the order of the words of the peer', async () => {
    const settled: (() => void)[] = [];
    const peer = new Peer(undefined, (delivery, body) => {
      settled.push(() => {
        const [, verdict] = body.split(' ');
        if (verdict === 'no') delivery.reject({ condition: 'amqp:not-allowed', description: body });
        else if (verdict === 'back') delivery.release();
        else delivery.accept();
      });
    });
    try {
      const connection = await connected(peer);
      const texts = Array.from({ length: 60 }, (_, n) => `${String(n)} ${['yes', 'yes', 'no', 'yes', 'back'][n % 5] ?? ''}`);
      const heard: string[] = [];
      const tokens = texts.map((text) => ({ text }));
      let next = 0;
      const pump = (): void => {
        for (; next < texts.length && link.room > 0; next++) link.send(encoded({ body: texts[next] }), tokens[next]!);
      };
      const link: SenderLink = connection.openSender(
        { address: 'a' },
        {
          onOpen: pump,
          onSendable: pump,
          onAccepted: (token) => heard.push(`${(token as { text: string }).text}: accepted`),
          onRefused: (token, { kind, description }) => {
            heard.push(`${(token as { text: string }).text}: ${kind}${description}`);
          },
          onClosed: () => undefined,
          onDrained: () => undefined,
        },
      );
      await until('all have come', () => settled.length === texts.length);
      // One in a turn: of two that differ the peer would tell as one. The last first, for some.
      const order = texts.map((_, n) => (n % 10 < 5 ? n : 10 * Math.floor(n / 10) + 14 - (n % 10)));
      for (const n of order) {
        settled[n]?.();
        await until('it is told', () => heard.at(-1)?.startsWith(`${String(n)} `));
      }
      const fates: Readonly<Record<string, (text: string) => string>> = {
        yes: () => 'accepted',
        no: (text) => `rejected${text}`,
        back: () => 'released',
      };
      expect(heard).toEqual(order.map((n) => `${texts[n] ?? ''}: ${fates[texts[n]?.split(' ')[1] ?? '']?.(texts[n] ?? '') ?? ''}`));
      await connection.end(systemClock, 5_000);
    } finally {
      peer.close();
    }
  });

  test('tells in as few frames as can be of what was accepted in one turn, in whatever order', async () => {
    const peer = new Peer();
    try {
      const connection = await connected(peer);
      const came: [string, TransferToken][] = [];
      const link: ReceiverLink = connection.openReceiver(
        { address: 'a' },
        {
          onOpen: () => {
            link.addCredit(100);
          },
          onMessage: (bytes, token) => came.push([decoded(bytes).body as string, token]),
          onClosed: () => undefined,
          onDrained: () => undefined,
        },
      );
      await until('there is credit', () => peer.sender?.sendable());
      const texts = Array.from({ length: 100 }, (_, n) => `${n} ${'x'.repeat(n * 100)}`);
      for (const text of texts) peer.sender?.send({ body: text });
      await until('all have come', () => came.length === 100);
      expect(came.map(([text]) => text)).toEqual(texts);
      for (const n of [4, 2, 0, 3, 1, 7, 9, 8]) link.accept(came[n]![1]);
      await until('the first are accepted', () => peer.accepted === 8);
      expect(peer.dispositions).toEqual([
        [0, 4],
        [7, 9],
      ]);
      // What is given back in the same turn is no part of them.
      link.accept(came[6]![1]);
      link.release(came[5]![1]);
      link.accept(came[10]![1]);
      await until('the others too', () => peer.accepted === 10);
      expect(peer.dispositions.slice(2)).toEqual([
        [6, 6],
        [10, 10],
        [5, 5],
      ]);
      await connection.end(systemClock, 5_000);
    } finally {
      peer.close();
    }
  });
});

describe('the client library', () => {
  const peer = new Peer();
  let connection: Connection;

  beforeAll(async () => {
    const container = rhea.create_container();
    container.on('error', () => undefined);
    connection = container.connect({ port: await peer.port(), host: '127.0.0.1', reconnect: false, username: 'anonymous' });
    await once(connection as unknown as NodeJS.EventEmitter, 'connection_open');
  });

  afterAll(async () => {
    const closed = once(connection as unknown as NodeJS.EventEmitter, 'connection_close');
    connection.close();
    await closed;
    peer.close();
  });

  test.each(['_process', '_register', 'output', 'state', 'amqp_transport', 'socket', 'local_channel_map'])(
    'is left as it is where it has no %s of the kind that is expected',
    (name) => {
      const other = Object.create(connection, { [name]: { value: undefined } }) as Connection;
      const before = Object.getOwnPropertyNames(connection);
      expect(Tuning.of(other)).toBeUndefined();
      expect(Object.getOwnPropertyNames(connection)).toEqual(before);
    },
  );

  test('is left as it is where its sessions are of another kind', () => {
    const other = Object.create(connection, {
      create_session: { value: () => Object.assign(connection.create_session() as object, { outgoing: {} }) },
    }) as Connection;
    expect(Tuning.of(other)).toBeUndefined();
  });

  test('looks at no session that has nothing to do, and sends without a frame of its own making', async () => {
    const tuning = Tuning.of(connection);
    expect(tuning).toBeDefined();
    const counted = (): { session: Session; turns: number } => {
      const session = connection.create_session();
      tuning?.add(session);
      const entry = { session, turns: 0 };
      const inner = session as unknown as { _process(): void };
      const process = inner._process.bind(session);
      inner._process = () => {
        entry.turns++;
        process();
      };
      session.begin();
      return entry;
    };
    const idle = Array.from({ length: 50 }, counted);
    const busy = counted();
    const sender = busy.session.open_sender({ target: { address: 'a' } });
    await once(sender as unknown as NodeJS.EventEmitter, 'sendable');
    const before = idle.map(({ turns }) => turns);
    const turns = busy.turns;
    for (let n = 0; n < 20; n++) {
      sender.send(encoded({ body: String(n) }), undefined, 0);
      await once(sender as unknown as NodeJS.EventEmitter, 'accepted');
    }
    expect(busy.turns).toBeGreaterThanOrEqual(turns + 20);
    expect(idle.map(({ turns: now }) => now)).toEqual(before);
    expect(peer.received.map(String)).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
  });
});
