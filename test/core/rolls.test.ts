import { describe, expect, test } from '@jest/globals';
import { DuplicateIds } from '../../src/providers/memory/duplicate-ids.js';
import { Register, Roll, type Keyed, type Listed } from '../../src/core/roll.js';

class Item implements Listed<Item> {
  roll: object | undefined;
  before: Item | undefined;
  after: Item | undefined;

  constructor(readonly name: number) {}
}

describe('a roll', () => {
  test('keeps the order of what comes and goes, as a Set does', () => {
    const [roll, set] = [new Roll<Item>(), new Set<Item>()];
    const items = Array.from({ length: 50 }, (_, name) => new Item(name));
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let step = 0; step < 5000; step++) {
      const item = items[random(items.length)] as Item;
      if (set.delete(item)) roll.remove(item);
      else {
        roll.add(item);
        set.add(item);
      }
      if (step % 100 > 0) continue;
      expect(roll.size).toBe(set.size);
      expect(roll.toArray().map(({ name }) => name)).toEqual([...set].map(({ name }) => name));
    }
    roll.clear();
    expect([roll.size, roll.toArray()]).toEqual([0, []]);
  });

  test('does not strike out what it does not have, nor what is on another one', () => {
    const [roll, other, item] = [new Roll<Item>(), new Roll<Item>(), new Item(1)];
    expect(roll.remove(item)).toBe(false);
    other.add(item);
    expect(roll.remove(item)).toBe(false);
    expect(other.toArray()).toEqual([item]);
    expect(other.remove(item)).toBe(true);
    expect(other.remove(item)).toBe(false);
  });

  test('what was struck out holds on to nothing', () => {
    const [roll, first, middle, last] = [new Roll<Item>(), new Item(1), new Item(2), new Item(3)];
    for (const item of [first, middle, last]) roll.add(item);
    roll.remove(middle);
    expect([middle.before, middle.after, middle.roll]).toEqual([undefined, undefined, undefined]);
    expect([first.after, last.before]).toEqual([last, first]);
  });
});

class Entry implements Keyed<Entry, string | object> {
  roll: object | undefined;
  before: Entry | undefined;
  after: Entry | undefined;
  alike: Entry | undefined;

  constructor(readonly key: string | object) {}
}

describe('a register', () => {
  test('finds, keeps and forgets by key as a Map does, also keys that end alike and keys that are no text', () => {
    const [register, map] = [new Register<string | object, Entry>(), new Map<string | object, Entry>()];
    const texts = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? `${String(n)}-the same end` : `r-${String(n)}`));
    const entries = [...texts, '', {}, {}, []].map((key) => new Entry(key));
    let seed = 11;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let step = 0; step < 5_000; step++) {
      const entry = entries[random(entries.length)] as Entry;
      if (map.delete(entry.key)) expect(register.remove(entry)).toBe(true);
      else {
        expect(register.remove(entry)).toBe(false);
        register.add(entry);
        map.set(entry.key, entry);
      }
      const other = entries[random(entries.length)] as Entry;
      expect(register.get(other.key)).toBe(map.get(other.key));
      expect(register.has(other)).toBe(map.has(other.key));
      expect(register.size).toBe(map.size);
    }
    expect(register.toArray()).toEqual([...map.values()]);
    register.clear();
    expect([register.size, ...entries.map(({ key }) => register.get(key))].filter((found) => found !== undefined)).toEqual([0]);
  });

  test('of several with one key gives the one that came last, and the one before when that has left', () => {
    const [register, first, second] = [new Register<string | object, Entry>(), new Entry('a'), new Entry('a')];
    register.add(first);
    register.add(second);
    expect([register.get('a'), register.size]).toEqual([second, 2]);
    register.remove(second);
    expect(register.get('a')).toBe(first);
  });

  test('what has left holds on to nothing', () => {
    const [register, first, second] = [new Register<string | object, Entry>(), new Entry('1-alike'), new Entry('2-alike')];
    register.add(first);
    register.add(second);
    register.remove(second);
    expect([second.alike, second.before, second.after, second.roll]).toEqual([undefined, undefined, undefined, undefined]);
    expect(register.get('1-alike')).toBe(first);
  });
});

describe('the ids of an address', () => {
  test('are known until 20 000 others have come, whatever was asked and repeated meanwhile', () => {
    const ids = new DuplicateIds();
    const mistaken: number[] = [];
    for (let id = 0; id < 65_000; id++) {
      if (ids.has(String(id))) mistaken.push(id);
      ids.add(String(id));
      // Keeps its place.
      if (id % 7 === 0) ids.add(String(Math.max(0, id - 19_000)));
      if (id >= 20_000 && (!ids.has(String(id - 19_999)) || ids.has(String(id - 20_000)))) mistaken.push(id);
    }
    expect(mistaken).toEqual([]);
  });

  test('are taken anew once they were forgotten', () => {
    const ids = new DuplicateIds();
    ids.add('again');
    for (let id = 0; id < 20_000; id++) ids.add(String(id));
    expect(ids.has('again')).toBe(false);
    ids.add('again');
    for (let id = 0; id < 19_999; id++) ids.add(`later ${String(id)}`);
    expect(ids.has('again')).toBe(true);
    ids.add('one more');
    expect(ids.has('again')).toBe(false);
  });
});
