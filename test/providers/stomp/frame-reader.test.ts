import { describe, expect, jest, test } from '@jest/globals';
import { Parser } from '@stomp/stompjs';
import type { MessageFrame } from '../../../src/providers/stomp/frame-reader.js';
import { sendFrame } from '../../../src/providers/stomp/frame-writer.js';
import { randomFrom } from '../../support/random.js';
import { Told, allOf, record } from './support.js';

const head = 'MESSAGE\nsubscription:s\nmessage-id:1,2\nack:1,2\n';

describe('a reader of frames', () => {
  test('hands a MESSAGE over unescaped and untrimmed, with its body as bytes', () => {
    const { messages } = new Told().read(`${head}h: a\\cb\\\\n\\n\\r \nn\\cm:\nc:d:e\ncontent-length:3\n\na\0b\0\n`);
    expect(messages.map((frame) => [allOf(frame), frame.body.toString(), frame.isText])).toEqual([
      [
        {
          subscription: 's',
          'message-id': '1,2',
          ack: '1,2',
          h: ' a:b\\n\n\r ',
          'n:m': '',
          c: 'd:e',
          'content-length': '3',
        },
        'a\0b',
        true,
      ],
    ]);
  });

  test('undoes each escape once: a backslash before n, r or c stays one', () => {
    const { messages } = new Told().read('MESSAGE\npath:C\\c\\\\new\\\\cat\\\\run\nodd:\\t\\\n\n\0');
    expect(record(messages[0]!.headers)).toEqual({ path: 'C:\\new\\cat\\run', odd: '\\t\\' });
  });

  test('takes the first of repeated names, and the last ack: a sender may have chosen that name', () => {
    const { messages } = new Told().read('MESSAGE\nack:evil\ntype:a\ntype:b\nack:7,8\n\n\0');
    expect(allOf(messages[0]!)).toEqual({ ack: '7,8', type: 'a' });
  });

  test.each([
    ['bytes, whose length stands before the ids', 'subscription:s\ncontent-length:1\nmessage-id:1\nack:1\n', 'x', false],
    ['a text, whose length stands last', 'subscription:s\nmessage-id:1\nack:1\ncontent-length:1\n', 'x', true],
    ['an empty text, which has none', 'subscription:s\nmessage-id:1\nack:1\n', '', true],
    ['empty bytes, of which only the sender told the length', 'subscription:s\nmessage-id:1\ncontent-length:0\nack:1\n', '', false],
  ])('tells %s', (_kind, headers, body, isText) => {
    expect(new Told().read(`MESSAGE\n${headers}\n${body}\0`).messages[0]).toMatchObject({ isText, body: Buffer.from(body) });
  });

  test('gives whole to the session what is not its own: other frames, and receipts of others', () => {
    const frames = ['CONNECTED\nversion:1.2\n\n\0', 'ERROR\nmessage:x\ncontent-length:3\n\na\0b\0', 'RECEIPT\nreceipt-id:theirs\n\n\0'];
    const told = new Told().read(`\n${frames[0]!}\n${frames[1]!}\nRECEIPT\nreceipt-id:our-1\n\n\0\n${frames[2]!}\n`);
    expect(told.others).toEqual(frames);
    expect(told.receipts).toEqual(['our-1']);
    expect(told.order).toEqual(['other', 'other', 'receipt', 'other']);
  });

  test('passes over heart-beats of either kind, also when they come alone and in halves', () => {
    const told = new Told().read('\n', '\n\r\n', '\r', '\n', `\r\n${head}\nx\0`, '\r', '\n\n', `${head}\ny\0\n\n`, '\n');
    expect(told.messages.map(({ body }) => body.toString())).toEqual(['x', 'y']);
  });

  test('takes lines that end with a carriage return too, each as it likes', () => {
    const bodies = (text: string): (string | undefined)[] =>
      new Told().read(text).messages.map(({ headers, body }) => `${headers.get('a') ?? ''}|${headers.get('b') ?? ''}|${body.toString()}`);
    expect(bodies('MESSAGE\r\na:1\r\nb:2\r\n\r\nx\n\ny\0')).toEqual(['1|2|x\n\ny']);
    expect(bodies('MESSAGE\na:1\r\nb:2\n\r\nx\n\ny\0')).toEqual(['1|2|x\n\ny']);
    expect(bodies('MESSAGE\r\na:1\nb:2\n\nx\n\r\ny\0')).toEqual(['1|2|x\n\r\ny']);
    expect(bodies('MESSAGE\na:1\nb:2\n\nx\n\r\ny\0')).toEqual(['1|2|x\n\r\ny']);
    expect(bodies('MESSAGE\n\r\nx\0')).toEqual(['||x']);
    expect(bodies('MESSAGE\r\n\r\nx\0')).toEqual(['||x']);
  });

  test('reads the frames that follow in a chunk, however the chunk before was cut', () => {
    const whole = Buffer.from(`${head}content-length:4\n\n\0\n\n\0\0${head}\nzwei\0RECEIPT\nreceipt-id:our-1\n\n\0${head}\ndrei\0`);
    for (let cut = 0; cut <= whole.length; cut++) {
      const told = new Told().read(whole.subarray(0, cut), whole.subarray(cut));
      expect(told.messages.map(({ body }) => body.toString())).toEqual(['\0\n\n\0', 'zwei', 'drei']);
      expect(told.order).toEqual(['message', 'message', 'receipt', 'message']);
    }
  });

  test('that is held back tells of nothing more, and goes on where it stopped', () => {
    const told = new Told();
    told.holding = true;
    told.read(`${head}\na\0${head}\nb\0RECEIPT\nreceipt-id:our-1\n\n\0${head}\nc`);
    const bodies = (): string[] => told.messages.map(({ body }) => body.toString());
    expect([bodies(), told.reader.holding]).toEqual([['a'], true]);
    told.read('c\0ERROR\n\n\0');
    expect(bodies()).toEqual(['a']);
    told.reader.readOn();
    expect([bodies(), told.receipts]).toEqual([['a', 'b'], []]);
    told.reader.readOn();
    expect([bodies(), told.receipts, told.others]).toEqual([['a', 'b', 'cc'], ['our-1'], []]);
    told.reader.readOn();
    expect([told.others, told.reader.holding]).toEqual([['ERROR\n\n\0'], false]);
    told.read(`${head}\nd\0`);
    expect(bodies()).toEqual(['a', 'b', 'cc', 'd']);
  });

  test('does not change what it handed over when more comes', () => {
    const told = new Told().read(head.slice(0, 30), `${head.slice(30)}\nfirst\0${head}\nsec`, 'ond\0', `${head}\nthird\0`);
    expect(told.messages.map(({ body }) => body.toString())).toEqual(['first', 'second', 'third']);
  });

  test.each([
    ['by its length', (size: number) => `content-length:${String(size)}\n`],
    ['by its NUL', () => ''],
  ])('gathers a body of many chunks that ends %s without copying it again and again', (_kind, lengthHeader) => {
    const size = 5_000_000;
    const whole = Buffer.concat([Buffer.from(`${head}${lengthHeader(size)}\n`), Buffer.alloc(size, 0x61), Buffer.alloc(1)]);
    const told = new Told();
    let copied = 0;
    const copy = (Buffer.prototype as Buffer).copy as (this: Buffer, ...args: unknown[]) => number;
    const counting = jest.spyOn(Buffer.prototype, 'copy').mockImplementation(function (this: Buffer, ...args: unknown[]) {
      const bytes = copy.apply(this, args);
      copied += bytes;
      return bytes;
    });
    const joining = jest.spyOn(Buffer, 'concat');
    try {
      for (let at = 0; at < whole.length; at += 65_536) told.read(whole.subarray(at, at + 65_536));
    } finally {
      counting.mockRestore();
      expect(joining).not.toHaveBeenCalled();
      joining.mockRestore();
    }
    expect(told.messages[0]?.body.equals(Buffer.alloc(size, 0x61))).toBe(true);
    expect(copied).toBeGreaterThan(size / 2);
    expect(copied).toBeLessThan(4 * size);
  });
});

describe('what is no STOMP', () => {
  const refused = { condition: 'stomp:protocol', name: 'PeerFault' };
  test.each([
    ['a header without a colon', 'MESSAGE\nnocolon\n\n\0', /without a colon.*nocolon/],
    ['a command of other characters', 'HTTP/1.1 400 Bad Request\nh:1\n\n\0', /HTTP/],
    ['a NUL between frames', '\0MESSAGE\n\n\0', /begin with/],
    ['a length that is no number', 'MESSAGE\ncontent-length:-1\n\n\0', /content-length "-1"/],
    ['a length beyond what fits into a string', 'MESSAGE\ncontent-length:99999999999\n\n\0', /content-length "99999999999"/],
    ['a length that is too small', 'MESSAGE\ncontent-length:1\n\nab\0', /not as long/],
    ['a carriage return alone', '\rMESSAGE\n\n\0', /begin with/],
  ])('%s is told as a fault', (_what, text, message) => {
    expect(() => new Told().read(text)).toThrow(expect.objectContaining({ ...refused, message: expect.stringMatching(message) }));
    const bytes = Buffer.from(text);
    const inBytes = (): void => {
      const told = new Told();
      for (let at = 0; at < bytes.length; at++) told.read(bytes.subarray(at, at + 1));
    };
    expect(inBytes).toThrow(expect.objectContaining(refused));
  });

  test('headers without an end are a fault after 1 MiB, in whatever pieces', () => {
    for (const size of [2_000_000, 60_000]) {
      const told = new Told();
      const piece = Buffer.alloc(size, 0x61);
      let read = 0;
      const flood = (): void => {
        for (;;) {
          told.read(piece);
          read += size;
        }
      };
      expect(flood).toThrow(expect.objectContaining({ ...refused, message: expect.stringMatching(/headers of more than 1048576/) }));
      expect(read).toBeLessThanOrEqual(1_048_576);
    }
  });

  test('random bytes are a fault or wait for more: nothing else is thrown, and nothing hangs', () => {
    const seed = Date.now() % 1_000_000;
    const random = randomFrom(seed);
    const pieces = ['MESSAGE\n', '\n', '\0', ':', 'content-length:', '3', '\r', 'a', '\\', 'RECEIPT\nreceipt-id:our-', '\n\n', '\xff'];
    for (let round = 0; round < 20_000; round++) {
      let text = '';
      for (let n = Math.floor(random() * 12); n >= 0; n--) text += pieces[Math.floor(random() * pieces.length)]!;
      try {
        new Told().read(Buffer.from(text, 'latin1'));
      } catch (error) {
        if ((error as { condition?: string }).condition !== 'stomp:protocol') throw new Error(`seed ${String(seed)}`, { cause: error });
      }
    }
  });
});

type Written = readonly [headers: readonly (readonly [string, string])[], body: string | Buffer];

const characters = Array.from('abz09 \t\u00a0\ufeff:\\nrc\n\r\0\u0001\u007f"{}é€😀%');

function randomText(random: () => number, most: number, alphabet = characters): string {
  let text = '';
  for (let n = Math.floor(random() * (most + 1)); n > 0; n--) text += alphabet[Math.floor(random() * alphabet.length)]!;
  return text;
}

function randomFrame(random: () => number): Written {
  const headers = new Map<string, string>();
  for (let n = Math.floor(random() * 8); n > 0; n--) {
    const name = `h${randomText(random, 6)}`;
    headers.set(name, random() < 0.02 ? randomText(random, 8_192) : randomText(random, 12));
  }
  if (random() < 0.3) headers.set('empty', '');
  const size = random() < 0.02 ? 200_000 : 60;
  if (random() < 0.5) return [[...headers], randomText(random, size).replaceAll('\0', '0')];
  return [[...headers], Buffer.from(randomText(random, size))];
}

/** As a broker would send it, which may put a carriage return before each line end. */
function asMessage([headers, body]: Written, random: () => number): Buffer {
  const bytes = Buffer.from(sendFrame(headers, body) as string);
  return Buffer.concat([
    Buffer.from(random() < 0.1 ? '\r\n\nMESSAGE' : 'MESSAGE'),
    bytes.subarray(4),
    Buffer.from(random() < 0.5 ? '\n' : ''),
  ]);
}

function expectRead(frame: MessageFrame | undefined, [headers, body]: Written, seed: number): void {
  const read = frame && [...frame.headers];
  const same =
    frame?.body.equals(Buffer.from(body as string)) === true &&
    JSON.stringify(read) === JSON.stringify(headers.map(([name, value]) => [name, value]));
  if (!same)
    throw new Error(`seed ${String(seed)}: ${JSON.stringify([headers, body]).slice(0, 2_000)} was read as ${JSON.stringify(read)}`);
}

describe('whatever is written', () => {
  test('is read as it was, however the stream is cut', () => {
    const seed = Date.now() % 1_000_000;
    const random = randomFrom(seed);
    for (let round = 0; round < 60; round++) {
      const written = Array.from({ length: 40 }, () => randomFrame(random));
      const stream = Buffer.concat(written.map((frame) => asMessage(frame, random)));
      const most = [1, 3, 50, 1_000, 70_000][round % 5]!;
      if (most < 50 && stream.length > 300_000) continue;
      const told = new Told();
      for (let at = 0; at < stream.length;) {
        const size = 1 + Math.floor(random() * most);
        told.read(stream.subarray(at, at + size));
        at += size;
      }
      expect([told.messages.length, `seed ${String(seed)}`]).toEqual([written.length, `seed ${String(seed)}`]);
      for (const [index, frame] of written.entries()) expectRead(told.messages[index], frame, seed);
    }
  });

  test('is read as it was, however the stream is cut and held back', () => {
    const seed = Date.now() % 1_000_000;
    const random = randomFrom(seed);
    for (let round = 0; round < 30; round++) {
      const written = Array.from({ length: 40 }, () => randomFrame(random));
      const stream = Buffer.concat(written.map((frame) => asMessage(frame, random)));
      const told = new Told();
      for (let at = 0; at < stream.length;) {
        const size = 1 + Math.floor(random() * 1_000);
        told.holding = random() < 0.8;
        told.read(stream.subarray(at, at + size));
        if (random() < 0.5) told.reader.readOn();
        at += size;
      }
      while (told.reader.holding) told.reader.readOn();
      expect([told.messages.length, `seed ${String(seed)}`]).toEqual([written.length, `seed ${String(seed)}`]);
      for (const [index, frame] of written.entries()) expectRead(told.messages[index], frame, seed);
    }
  });

  test('is read as it was when the stream is cut in two at every byte', () => {
    const seed = Date.now() % 1_000_000;
    const random = randomFrom(seed);
    const written = Array.from({ length: 12 }, () => randomFrame(random)).filter(([, body]) => body.length < 1_000);
    const stream = Buffer.concat(written.map((frame) => asMessage(frame, random)));
    const first = Math.min(stream.length, 3_000);
    for (let cut = 0; cut <= first; cut++) {
      const { messages } = new Told().read(stream.subarray(0, cut), stream.subarray(cut));
      expect([messages.length, `seed ${String(seed)}`]).toEqual([written.length, `seed ${String(seed)}`]);
      for (const [index, frame] of written.entries()) expectRead(messages[index], frame, seed);
    }
  });
});

describe("beside stompjs's own parser", () => {
  test('thousands of frames are read alike, but for backslashes and outer blanks, which that one changes', () => {
    const seed = Date.now() % 1_000_000;
    const random = randomFrom(seed);
    const plain = characters.filter((character) => !'\\\r\n: \t\u00a0\ufeff'.includes(character));
    const eol = (): string => (random() < 0.2 ? '\r\n' : '\n');
    const frames: Buffer[] = [];
    for (let n = 0; n < 5_000; n++) {
      let text = ['MESSAGE', 'ERROR', 'CONNECTED', 'RECEIPT'][Math.floor(random() * 4)]! + eol();
      for (let headers = Math.floor(random() * 6); headers > 0; headers--)
        text += `h${randomText(random, 5, plain)}:${randomText(random, 20, [...plain, ':'])}${eol()}`;
      const body = Buffer.from(randomText(random, 100));
      const withLength = random() < 0.5;
      if (withLength) text += `content-length:${String(body.length)}${eol()}`;
      const whole = withLength ? body : Buffer.from(body.toString().replaceAll('\0', ''));
      frames.push(Buffer.concat([Buffer.from(text + eol()), whole, Buffer.from([0]), Buffer.from(eol().repeat(Math.floor(random() * 3)))]));
    }
    const theirs: { command: string; headers: string[][]; body: string }[] = [];
    const parser = new Parser(
      ({ command, headers, binaryBody }) => {
        theirs.push({ command: command!, headers: headers, body: Buffer.from(binaryBody!).toString('latin1') });
      },
      () => undefined,
    );
    const told = new Told();
    const stream = Buffer.concat(frames);
    for (let at = 0; at < stream.length;) {
      const size = 1 + Math.floor(random() * 5_000);
      const chunk = stream.subarray(at, at + size);
      told.read(chunk);
      parser.parseChunk(chunk as unknown as ArrayBuffer, false);
      at += size;
    }
    expect(theirs.length).toBe(5_000);
    const messages = theirs.filter(({ command }) => command === 'MESSAGE');
    expect(told.messages.length).toBe(messages.length);
    for (const [index, { headers, body }] of messages.entries()) {
      const firsts = new Map([...headers].reverse().map(([name, value]) => [name!, value!]));
      const ours = told.messages[index]!;
      expect([seed, allOf(ours), ours.body.toString('latin1')]).toEqual([seed, record(firsts), body]);
    }
    // What was given on whole is read once more, by that parser alone.
    const again: unknown[] = [];
    const second = new Parser(
      (frame) => again.push([frame.command, frame.headers, Buffer.from(frame.binaryBody!).toString('latin1')]),
      () => undefined,
    );
    for (const other of told.others) second.parseChunk(other, false);
    expect(again).toEqual(
      theirs.filter(({ command }) => command !== 'MESSAGE').map(({ command, headers, body }) => [command, headers, body]),
    );
  });
});
