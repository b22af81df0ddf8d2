import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { EventManager, SendError, type SendOutcome } from '../../src/index.js';
import { range } from '../../src/testing/conformance/gate.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { quickProvider } from '../support/artemis-conformance.js';
import { ScriptedPeer } from '../support/scripted-peer.js';
import { KeptLogger, unique } from '../support/world.js';
import { fateOf, type Fate } from './scenario.js';

function managerOf(peer: ScriptedPeer): EventManager {
  const logger = new KeptLogger();
  return new EventManager({
    provider: quickProvider(peer.url),
    serviceName: 'tests',
    listeners: [],
    pipelines: [],
    logger,
    resolve: () => {},
  });
}

function outcomeOf({ error }: Fate<unknown>): SendOutcome | undefined {
  return error instanceof SendError ? error.outcome : undefined;
}

describe('what went wrong elsewhere, on an AMQP peer that says when there is credit and what becomes of a message', () => {
  it('REG-2: a send that was in flight when the connection went, and whose repeat is refused, is unknown: the first may have arrived', async () => {
    await using peer = await ScriptedPeer.start();
    peer.credit = 10;
    await using manager = managerOf(peer);
    const fate = fateOf(manager.send(unique('event'), {}));
    await waitUntil(() => peer.transfers.length === 1);
    peer.cut();
    await waitUntil(() => peer.transfers.length === 2);
    peer.transfers[1]?.reject('amqp:resource-limit-exceeded', 'Address is full');
    await waitUntil(() => fate.over);
    expect(peer.transfers[1]?.dedupeId).toBe(peer.transfers[0]?.dedupeId);
    expect(fate.error).toMatchObject({ outcome: 'unknown', retryable: true });
    expect(String(fate.error)).toContain('Address is full');
    expect(manager.counters()).toMatchObject({ unknown: 1, refused: 0 });
    const refused = fateOf(manager.send(unique('event'), {}));
    await waitUntil(() => peer.transfers.length === 3);
    peer.transfers[2]?.reject('amqp:resource-limit-exceeded', 'Address is full');
    await waitUntil(() => refused.over);
    expect(outcomeOf(refused)).toBe('refused');
  });

  it('REG-3: of six sends with a credit of two, two are unknown, four are not sent and never transmitted, and a repeat keeps its id', async () => {
    await using peer = await ScriptedPeer.start();
    peer.credit = 2;
    await using manager = managerOf(peer);
    await manager.start();
    const event = unique('event');
    const since = Date.now();
    const fates = range(6).map(() => fateOf(manager.send(event, {}, { timeoutMs: 1_000 })));
    await waitUntil(() => fates.every(({ over }) => over));
    expect(fates.map(outcomeOf)).toEqual(['unknown', 'unknown', 'not-sent', 'not-sent', 'not-sent', 'not-sent']);
    expect(Math.min(...fates.map(({ at = 0 }) => at)) - since).toBeGreaterThanOrEqual(1_000);
    await waitUntil(() => Date.now() - since >= 1_500);
    peer.grant(10);
    await stays(() => peer.transfers.length === 2, { what: 'that nothing reported as not sent is transmitted' });
    const ids = fates.map(({ error }) => (error as SendError).id ?? '');
    expect(peer.transfers.map(({ dedupeId }) => dedupeId)).toEqual(ids.slice(0, 2));
    const repeats = ids.map((id) => manager.send(event, {}, { id }));
    await waitUntil(() => peer.transfers.length === 8);
    for (const transfer of peer.transfers.slice(2)) transfer.accept();
    expect((await Promise.all(repeats)).map(({ id }) => id)).toEqual(ids);
    expect(peer.transfers.slice(2).map(({ dedupeId }) => dedupeId)).toEqual(ids);
  });
});
