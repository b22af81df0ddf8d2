import { describe, expect, test } from '@jest/globals';
import { ackFrame, sendFrame } from '../../../src/providers/stomp/frame-writer.js';
import { reread } from './support.js';

describe('a frame', () => {
  test('of text is a string, without a length', () => {
    expect(
      sendFrame(
        [
          ['destination', 'E'],
          ['h', ''],
        ],
        'é',
      ),
    ).toBe('SEND\ndestination:E\nh:\n\né\0');
    expect(sendFrame([], '')).toBe('SEND\n\n\0');
  });

  test('of bytes holds them with their length, NULs included', () => {
    const frame = sendFrame([['h', 'é']], Buffer.from([0, 255, 10, 10, 0]));
    expect(frame).toEqual(Buffer.concat([Buffer.from('SEND\nh:é\ncontent-length:5\n\n'), Buffer.from([0, 255, 10, 10, 0, 0])]));
    expect(sendFrame([], new Uint8Array(0))).toEqual(Buffer.from('SEND\ncontent-length:0\n\n\0'));
  });

  test('of a long text has the same bytes, made at once and only its own', () => {
    for (const body of ['€'.repeat(10_000), 'x'.repeat(1_000_000), `${'y'.repeat(8_191)}\uD800`]) {
      const frame = sendFrame([['h', 'ü']], body) as Buffer;
      expect(Buffer.isBuffer(frame)).toBe(true);
      expect(frame.equals(Buffer.from(`SEND\nh:ü\n\n${body}\0`))).toBe(true);
      // What was written with it before does not change with the next.
      sendFrame([], 'z'.repeat(20_000));
      expect(frame.equals(Buffer.from(`SEND\nh:ü\n\n${body}\0`))).toBe(true);
    }
  });

  test('escapes names and values where they need it, and nothing else', () => {
    expect(sendFrame([['a:b', 'c\\d\n\r e:f\t\0']], 'x:\\\n')).toBe('SEND\na\\cb:c\\\\d\\n\\r e\\cf\t\0\n\nx:\\\n\0');
  });

  test('has no lone surrogate on the wire', () => {
    for (const body of ['b\ud800', `b\ud800${'x'.repeat(20_000)}`]) {
      const read = reread(sendFrame([['h\udc00', '\ud800']], body));
      expect([...read.headers]).toEqual([['h\ufffd', '\ufffd']]);
      expect(read.body.toString()).toBe(body.toWellFormed());
    }
  });

  test('acknowledges by id', () => {
    expect(ackFrame('12,34')).toBe('ACK\nid:12,34\n\n\0');
    expect(ackFrame('a:b')).toBe('ACK\nid:a\\cb\n\n\0');
  });
});
