import type { ContractChange, ContractRule } from './contract-change.js';
import type { Contract, ListenerFacts } from './contract-reading.js';

/** What has become of the listeners of one contract in another, and of their queues. */
export function compareListeners(old: Contract, now: Contract): ContractChange[] {
  const gone = [...old.listeners].filter(([key]) => !now.listeners.has(key)).map(([, one]) => one);
  const come = [...now.listeners].filter(([key]) => !old.listeners.has(key)).map(([, one]) => one);
  const both = [...old.listeners].flatMap(([key, one]) => {
    const other = now.listeners.get(key);
    return other === undefined ? [] : compareListener(one, other);
  });
  return [...gone.map((one) => removed(one, gone, come)), ...come.map(added), ...both];
}

function removed(one: ListenerFacts, gone: readonly ListenerFacts[], come: readonly ListenerFacts[]): ContractChange {
  const beside = (other: ListenerFacts): boolean => other.event === one.event && other.hears === one.hears;
  const [successor, ...more] = come.filter(beside);
  const renamed = successor !== undefined && more.length === 0 && gone.filter(beside).length === 1;
  const guess = renamed ? ` (it seems to be called '${successor.listener}' now, whose queue begins empty)` : '';
  if (one.temporary) return changeOf(one, 'listener-removed', ` is gone${guess}, and its queue goes by itself`, 'compatible');
  return changeOf(one, 'listener-removed', ` is gone${guess}: ${remains(one)}`, 'breaking');
}

function remains({ queue }: ListenerFacts): string {
  return `its queue '${queue}' remains on the broker and fills, until the operators let it run empty and remove it`;
}

function added(one: ListenerFacts): ContractChange {
  return changeOf(one, 'listener-added', ' is new', 'compatible');
}

function compareListener(old: ListenerFacts, now: ListenerFacts): ContractChange[] {
  const changes: ContractChange[] = [];
  if (old.queue !== now.queue) {
    const per = now.perProcess ? 'each server has a queue of its own now' : 'all servers share one queue now';
    const what = old.perProcess === now.perProcess ? `: its queue is '${now.queue}' now` : `: ${per}, '${now.queue}'`;
    if (old.temporary) changes.push(changeOf(old, 'listener-queue-changed', `${what}; the old one goes by itself`, 'compatible'));
    else changes.push(changeOf(old, 'listener-queue-changed', `${what}: ${remains(old).replace('its', 'the old')}`, 'breaking'));
  }
  if (old.shared !== now.shared) {
    const what = now.shared
      ? ' shares its queue with other services now'
      : ' no longer shares its queue: another service on it refuses to start, or this one does';
    changes.push(changeOf(old, 'listener-shared-changed', what, now.shared ? 'compatible' : 'breaking'));
  }
  return changes;
}

function changeOf(
  { event, listener, hears }: ListenerFacts,
  rule: ContractRule,
  what: string,
  kind: 'breaking' | 'compatible',
): ContractChange {
  const of = hears === 'faults' ? 'the listener to faults' : 'the listener';
  return Object.freeze<ContractChange>({
    kind,
    rule,
    event,
    listener,
    breaks: kind === 'breaking' ? ['operators'] : [],
    message: `${event}: ${of} '${listener}'${what}`,
  });
}
