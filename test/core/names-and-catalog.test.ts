import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { buildCatalog, type Catalog } from '../../src/core/catalog.js';
import { brokerNames, nameMistake } from '../../src/core/names.js';
import { event, eventListener } from '../../src/index.js';
import type { Class } from '../../src/index.js';

function catalogOf(listeners: Class[], more: Partial<Parameters<typeof buildCatalog>[0]> = {}): Catalog {
  return buildCatalog({
    listeners,
    serverName: 'b',
    serverNameSet: true,
    namePrefix: '',
    naming: 'plain',
    concurrency: 10,
    archiveBounds: { maxAgeMs: 1, maxCount: 1 },
    optionMistakes: () => [],
    ...more,
  });
}

@event('catalog.a')
class A {
  readonly a = 1;
}

@event('catalog.b')
class B {
  readonly b = 1;
}

class Handler {
  on(): void {
    // nothing to do
  }
}

describe('a name', () => {
  it.each(['order.placed', 'a-b', 'é', 'x'.repeat(200)])('may be %s', (name) => {
    expect(nameMistake(name)).toBeUndefined();
  });

  it.each([
    '',
    'a::b',
    'a?b',
    'a#',
    'a*',
    'a,b',
    'a b',
    'a\tb',
    'a\u0000b',
    'archive.x',
    'replies.x',
    'activemq.x',
    '$sys',
    'DLQ',
    'ExpiryQueue',
    'x'.repeat(201),
  ])('may not be %j', (name) => {
    expect(nameMistake(name)).toEqual(expect.any(String));
  });
});

describe('names on the broker', () => {
  it('are the event, the listener and the archive, with the server for a queue of its own and the prefix before each', () => {
    expect(brokerNames({ prefix: '', event: 'e', listener: 'l', server: undefined, naming: 'plain' })).toEqual({
      address: 'e',
      queue: 'l',
      archive: 'archive.l',
    });
    expect(brokerNames({ prefix: 'p.', event: 'e', listener: 'l', server: 's', naming: 'plain' })).toEqual({
      address: 'p.e',
      queue: 'p.l-s',
      archive: 'p.archive.l',
    });
    expect(brokerNames({ prefix: '', event: 'e', listener: 'l', server: 's', naming: 'qualified' })).toEqual({
      address: 'e',
      queue: 'e.l-s',
      archive: 'archive.e.l',
    });
  });
});

describe('a catalog', () => {
  it('has one subscription for each listener of each event', () => {
    @eventListener(A, { name: 'both.a', concurrency: 3 })
    @eventListener(B, { name: 'both.b', perProcess: true })
    class Both extends Handler {}

    const { subscriptions, mistakes } = catalogOf([Both]);
    expect(mistakes).toEqual([]);
    expect(subscriptions.map(({ spec }) => spec)).toEqual([
      expect.objectContaining({
        event: 'catalog.a',
        queue: 'both.a',
        archive: 'archive.both.a',
        concurrency: 3,
        prefetch: 3,
        temporary: false,
      }),
      expect.objectContaining({
        event: 'catalog.b',
        queue: 'both.b-b',
        archive: 'archive.both.b',
        concurrency: 10,
        prefetch: 10,
        temporary: false,
      }),
    ]);
  });

  it('keeps the queue of a process only when its server name was set', () => {
    @eventListener(A, { name: 'copy', perProcess: true })
    class Copy extends Handler {}

    expect(catalogOf([Copy], { serverNameSet: false }).subscriptions[0]?.spec.temporary).toBe(true);
  });

  it('reports every mistake at once, each with how to mend it', () => {
    class Undecorated extends Handler {}
    class NoEvent {
      readonly x = 1;
    }
    @event('archive.taken')
    class Reserved {
      readonly x = 1;
    }
    @event('catalog.a')
    class Double {
      readonly x = 1;
    }
    @event('catalog.needs')
    class Needs {
      readonly length: number;
      constructor(text: string) {
        this.length = text.length;
      }
    }
    @eventListener(NoEvent)
    class OfNoEvent extends Handler {}
    @eventListener(Reserved)
    class OfReserved extends Handler {}
    @eventListener(A, 'first')
    @eventListener(Double, 'second')
    class OfDouble extends Handler {}
    @eventListener(Needs)
    class OfNeeds extends Handler {}
    @eventListener(A, 'a-b')
    class Ambiguous extends Handler {}
    @eventListener(B, { name: 'a', perProcess: true })
    class Copy extends Handler {}
    @eventListener(A, 'bad name')
    class BadName extends Handler {}
    @eventListener(undefined as unknown as typeof A, 'circular')
    class Circular extends Handler {}
    @eventListener(A)
    @eventListener(B)
    class Same extends Handler {}

    const { mistakes } = catalogOf([Undecorated, OfNoEvent, OfReserved, OfDouble, OfNeeds, Ambiguous, Copy, BadName, Circular, Same], {
      serverName: 'b',
    });
    expect(mistakes).toEqual([
      expect.stringMatching(/Undecorated .*not decorated.*@eventListener/),
      expect.stringMatching(/NoEvent, which OfNoEvent listens to, is no event.*@event\('its\.name'\)/),
      expect.stringMatching(/'bad name' of BadName contains a blank/),
      expect.stringMatching(/Circular is undefined.*circular import/),
      expect.stringMatching(/'archive\.taken' of Reserved begins with 'archive\.'/),
      expect.stringMatching(/A and Double are both named 'catalog\.a'|Double and A are both named 'catalog\.a'/),
      expect.stringMatching(/Needs cannot be made without arguments.*create/),
      expect.stringMatching(/Ambiguous .*Copy .*share the queue 'a-b'/),
      expect.stringMatching(
        /Same .*Same .*share the queue 'Same': name each: @eventListener\(A, 'Same\.catalog\.a'\) @eventListener\(B, 'Same\.catalog\.b'\)/,
      ),
    ]);
  });

  it('finds two listeners that would share an archive', () => {
    @eventListener(A, 'met')
    class Shared extends Handler {}
    @eventListener(B, { name: 'met', perProcess: true })
    class Copy extends Handler {}

    expect(catalogOf([Shared, Copy]).mistakes).toEqual([expect.stringMatching(/share the archive 'archive\.met'/)]);
  });

  it('reports a server name that would break the names of queues', () => {
    expect(catalogOf([], { serverName: 'a::b' }).mistakes).toEqual([expect.stringMatching(/server name 'a::b' contains '::'/)]);
  });
});
