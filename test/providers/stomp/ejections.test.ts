import { describe, expect, it } from '@jest/globals';
import { PeerFault } from '../../../src/providers/network/peer-fault.js';
import { Ejections } from '../../../src/providers/stomp/ejections.js';

const ejection = new PeerFault('stomp:error', 'consumer with ID x disconnected by server');
const cut = new PeerFault('closed', 'cut');

describe('connections that a broker ends over a message', () => {
  it('make careful after two, and are told of after three, once', () => {
    const ejections = new Ejections(10);
    const told = [1, 2, 3, 4, 5].map(() => [ejections.lost(ejection, 100), ejections.careful]);
    expect(told).toEqual([
      [false, false],
      [false, true],
      [true, true],
      [false, true],
      [false, true],
    ]);
  });

  it('are forgotten when twice as much has come as may have been beside it', () => {
    const ejections = new Ejections(10);
    ejections.lost(ejection, 100);
    ejections.lost(ejection, 100);
    expect(Array.from({ length: 21 }, () => ejections.received()).indexOf(true)).toBe(20);
    expect(ejections.careful).toBe(false);
    expect(ejections.received()).toBe(false);
  });

  it('are forgotten after a minute of a good connection; other losses do not count', () => {
    const ejections = new Ejections(10);
    ejections.lost(ejection, 100);
    ejections.lost(cut, 100);
    expect(ejections.careful).toBe(false);
    ejections.lost(ejection, 61_000);
    expect(ejections.careful).toBe(false);
    ejections.lost(ejection, 100);
    expect(ejections.careful).toBe(true);
  });
});
