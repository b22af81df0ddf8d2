import { describe, expect, it } from '@jest/globals';
import { StompProvider } from '../../../src/providers/stomp/index.js';
import { stays } from '../../../src/testing/wait-until.js';
import { ScriptedStompPeer, connected } from '../../support/scripted-stomp-peer.js';
import type { StompTalk } from '../../support/scripted-stomp-peer.js';
import { Bench } from '../amqp/support.js';

const noRight = 'ERROR\nmessage:AMQ339016 Error creating subscription\n\n\0';

/** Lets everybody in and refuses its management; to a SEND it says what the test says. */
async function peer(toSend: (receipt: string, talk: StompTalk) => string): Promise<ScriptedStompPeer> {
  return ScriptedStompPeer.start((talk) => {
    talk.socket.on('data', () => {
      for (const text of talk.frames.splice(0)) {
        const receipt = /^receipt:(.*)$/m.exec(text)?.[1] ?? '';
        if (text.startsWith('CONNECT')) talk.write(connected);
        else if (text.startsWith('SEND')) end(talk, toSend(receipt, talk));
        else if (text.startsWith('DISCONNECT')) talk.write(`RECEIPT\nreceipt-id:${receipt}\n\n\0`);
        else end(talk, noRight);
      }
    });
  });
}

function end(talk: StompTalk, answer: string): void {
  if (answer.startsWith('ERROR')) talk.socket.end(answer);
  else talk.write(answer);
}

describe('a broker that answers each message with an ERROR', () => {
  it.each([
    ['of something unknown', (): string => 'ERROR\nmessage:no\nreceipt-id:r-unknown\n\n\0', 'unknown'],
    ['of nothing', (): string => 'ERROR\nmessage:no\n\n\0', 'refused'],
    ['of that message', (receipt: string): string => `ERROR\nmessage:no\nreceipt-id:${receipt}\n\n\0`, 'refused'],
  ])('%s is not asked without pause', async (_name, answer, outcome) => {
    await using broker = await peer(answer);
    const bench = new Bench(new StompProvider({ url: `stomp://127.0.0.1:${String(broker.port)}` }));
    await bench.start([]);
    const told = bench.send('E', 'x', { deadlineAt: Date.now() + 800 }).then(
      () => 'confirmed',
      (error: unknown) => (error as { outcome: string }).outcome,
    );
    await stays(() => broker.talks.length < 20, { what: 'few connections' });
    expect(await told).toBe(outcome);
    await bench.provider.stop({ deadlineMs: 1_000 });
  });
});
