import { describe, expect, it } from '@jest/globals';
import { event, eventListener } from '../../src/index.js';
import type { Envelope, EventContext } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { ArtemisWorld } from '../support/artemis.js';
import { randomFrom } from '../support/random.js';
import { unique } from '../support/world.js';
import { sides } from './sides.js';

const messages = 50;
const perMessage = 20;
const longest = 8_192;

const alphabets = [
  'abc XYZ 019',
  '\u0000\u0001\t\n\r\u001b\u007f\u0085\u2028',
  ':\\:\\n\\r\\c\\\\%41%3A"\'<>',
  'äß€漢字😀👩‍👩‍👧\u0301\ufeff\u00a0',
  '\ud800x\udfff',
];

/** Any text: of one alphabet or of all, empty, blank at both ends, or long. */
function randomValue(random: () => number): string {
  const kind = Math.floor(random() * 10);
  if (kind === 0) return '';
  if (kind === 1) return `  \t${randomText(random, 12)}\n  `;
  return randomText(
    random,
    kind === 2 ? longest : 1 + Math.floor(random() * 60),
    kind < 6 ? alphabets[kind % alphabets.length] : undefined,
  );
}

function randomText(random: () => number, length: number, alphabet = alphabets.join('')): string {
  let text = '';
  while (text.length < length) text += alphabet[Math.floor(random() * alphabet.length)] ?? '';
  return text;
}

const directions = sides.flatMap((from) => sides.map((to) => ({ from, to, way: `${from.name} to ${to.name}` })));

describe('1 000 headers of random text', () => {
  it.each(directions)('are equal from $way, and again after a retry', async ({ from, to }) => {
    const seed = Date.now() % 1_000_000;
    const random = randomFrom(seed);
    const sent = Array.from({ length: messages }, () =>
      Object.fromEntries(Array.from({ length: perMessage }, (_, at) => [`h.${String(at)}-x_Y`, randomValue(random)])),
    );
    const seen = new Map<string, Record<string, string>>();
    @event(unique('headers'))
    class Headed {
      readonly n: number = 0;
    }
    @eventListener(Headed, { name: unique('reader'), breaker: false })
    class Reader {
      on({ n }: Headed, { attempt, envelope }: EventContext): void {
        seen.set(`${String(n)}/${String(attempt)}`, own(envelope));
        if (attempt === 1) throw new Error('once more');
      }
    }
    await using world = new ArtemisWorld();
    const receiver = world.manager({ provider: to.create(), listeners: [Reader], retry: { initialDelayMs: 1 } });
    await receiver.start();
    const sender = await world.started({ provider: from.create() });
    await Promise.all(sent.map((headers, n) => sender.sendEvent(Headed, { n }, { headers })));
    await waitUntil(() => seen.size === 2 * messages, { what: () => `seed ${String(seed)}: ${String(seen.size)} came`, timeoutMs: 15_000 });
    for (const [n, headers] of sent.entries()) {
      const expected = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.toWellFormed()]));
      for (const attempt of [1, 2])
        expect({ seed, n, headers: seen.get(`${String(n)}/${String(attempt)}`) }).toEqual({ seed, n, headers: expected });
    }
  });
});

function own(envelope: Envelope): Record<string, string> {
  return Object.fromEntries([...envelope.headers()].filter(([name]) => name.startsWith('h.')));
}
