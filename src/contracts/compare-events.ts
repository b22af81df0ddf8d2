import { isJsonType } from '../codecs/content-type.js';
import { compareSchemas } from './compare-schemas.js';
import { consequences, hurtBy, whom, type ContractChange, type ContractRule, type Difference, type Effect } from './contract-change.js';
import type { Contract, EventFacts } from './contract-reading.js';
import { isObject } from './json-schema.js';

const { oldConsumers, oldSenders } = whom;

export interface EventComparison {
  readonly allowNewVersions: boolean;
}

/** What has become of the events of one contract in another. */
export function compareEvents(old: Contract, now: Contract, options: EventComparison): ContractChange[] {
  const gone = [...old.events.values()].filter(({ name }) => !now.events.has(name));
  const come = [...now.events.values()].filter(({ name }) => !old.events.has(name));
  const both = [...old.events.values()].flatMap((one) => {
    const other = now.events.get(one.name);
    return other === undefined ? [] : compareEvent(one, other, { old: old.schemas, now: now.schemas }, options);
  });
  return [
    ...gone.map((one) => removed(one, come, old, now)),
    ...come.map((one) => changeOf(one.name, { rule: 'event-added', effect: 'none', what: 'the event is new' })),
    ...both,
  ];
}

interface Said {
  readonly rule: ContractRule;
  readonly effect: Effect;
  readonly what: string;
  readonly therefore?: string;
}

function changeOf(event: string, { rule, effect, what, therefore = consequences[effect] }: Said): ContractChange {
  const kind = effect === 'none' ? 'compatible' : effect === 'unknown' ? 'possibly-breaking' : 'breaking';
  return Object.freeze({
    kind,
    rule,
    event,
    breaks: hurtBy[effect],
    message: `${event}: ${what}${effect === 'none' ? '' : `: ${therefore}`}`,
  });
}

function removed(one: EventFacts, come: readonly EventFacts[], old: Contract, now: Contract): ContractChange {
  const shape = old.schemas.shape(one.payload);
  // Bodies of which nothing is said are all alike.
  const { properties } = old.schemas.plain(one.payload).schema;
  const telling = isObject(properties) && Object.keys(properties).length > 0;
  const alike = telling ? come.filter(({ payload }) => now.schemas.shape(payload) === shape).map(({ name }) => `'${name}'`) : [];
  const guess = alike.length === 0 ? '' : ` (it seems to be called ${alike.join(' or ')} now, whose body is the same)`;
  const therefore = `${oldConsumers} hear nothing more, and ${oldSenders} are heard by nobody`;
  return changeOf(one.name, { rule: 'event-removed', effect: 'both', what: `the event is gone${guess}`, therefore });
}

function compareEvent(
  old: EventFacts,
  now: EventFacts,
  schemas: Parameters<typeof compareSchemas>[0],
  options: EventComparison,
): ContractChange[] {
  const { name } = old;
  const found = [...compareTravel(old, now), ...compareVersions(old, now)].map((said) => changeOf(name, said));
  const differences = compareSchemas(schemas, old.payload, now.payload);
  if (now.version <= old.version) return [...found, ...differences.map((difference) => fieldChange(name, difference))];
  return [...found, raised(old, now, differences, options), ...takenAnyway(old, differences)];
}

function compareTravel(old: EventFacts, now: EventFacts): Said[] {
  const parted = `${oldConsumers} hear nothing more, and ${oldSenders} are heard by nobody`;
  const changed = (what: string, one: string, other: string): string => `${what} was '${one}' and is '${other}'`;
  const said: Said[] = [];
  if (old.address !== now.address)
    said.push({ rule: 'address-changed', effect: 'both', what: changed('its address', old.address, now.address), therefore: parted });
  if (old.routing !== now.routing)
    said.push({ rule: 'routing-changed', effect: 'both', what: changed('its routing', old.routing, now.routing), therefore: parted });
  if (old.contentType !== now.contentType) {
    const what = changed('its content type', old.contentType, now.contentType);
    said.push(
      isJsonType(now.contentType)
        ? {
            rule: 'content-type-changed',
            effect: 'unknown',
            what,
            therefore: 'Tidings always reads JSON, programs that expect the other may not',
          }
        : { rule: 'content-type-changed', effect: 'wider', what, therefore: `${oldConsumers} cannot read it unless they have the codec` },
    );
  }
  if (old.contentMode !== now.contentMode)
    said.push({
      rule: 'content-mode-changed',
      effect: 'unknown',
      what: changed('its content mode', old.contentMode, now.contentMode),
      therefore: 'Tidings reads both, programs that know nothing of it may not',
    });
  if (old.durable && !now.durable) {
    const therefore = 'consumers lose what the broker holds when it stops';
    said.push({ rule: 'durable-changed', effect: 'wider', what: 'is no longer durable', therefore });
  }
  if (!old.durable && now.durable) said.push({ rule: 'durable-changed', effect: 'none', what: 'is durable now' });
  if (old.newerVersions !== now.newerVersions) {
    const what = `what becomes of newer versions was '${old.newerVersions}' and is '${now.newerVersions}'`;
    const therefore = 'events of senders that are ahead are archived as unsupported-version';
    said.push(
      now.newerVersions === 'archive'
        ? { rule: 'newer-versions-changed', effect: 'narrower', what, therefore }
        : { rule: 'newer-versions-changed', effect: 'none', what },
    );
  }
  const dropped = old.accepts.filter((type) => !now.accepts.includes(type));
  if (dropped.length > 0) {
    const therefore = `${oldSenders} that use them are archived as unknown-event`;
    said.push({ rule: 'accepts-removed', effect: 'narrower', what: `no longer accepts the types ${dropped.join(', ')}`, therefore });
  }
  return said;
}

function compareVersions(old: EventFacts, now: EventFacts): Said[] {
  if (now.version < old.version && now.newerVersions === 'archive') {
    const what = `its version was ${String(old.version)} and is ${String(now.version)}`;
    return [{ rule: 'version-lowered', effect: 'narrower', what, therefore: `${oldSenders} are archived as unsupported-version` }];
  }
  if (now.version <= old.version) return [];
  const steps = Array.from({ length: now.version - old.version }, (_, index) => old.version + index);
  const missing = steps.filter((step) => !now.upcasters.includes(step)).map(String);
  if (missing.length === 0) return [];
  const what = `there is no upcaster from version ${missing.join(', ')}`;
  return [{ rule: 'upcaster-missing', effect: 'narrower', what, therefore: `${oldSenders} are archived as undecodable` }];
}

function raised(
  old: EventFacts,
  now: EventFacts,
  differences: readonly Difference[],
  { allowNewVersions }: EventComparison,
): ContractChange {
  const fields = [
    ...new Set(differences.filter(({ effect }) => effect !== 'none').map(({ field }) => (field === '' ? 'its body' : `'${field}'`))),
  ];
  const changed = fields.length === 0 ? '' : ` (changed: ${fields.join(', ')})`;
  const version = `its version was ${String(old.version)} and is ${String(now.version)}${changed}`;
  const archive = `consumers built for version ${String(old.version)} archive it as unsupported-version: bring them up to date first`;
  const accepted = `consumers built for version ${String(old.version)} take it as if it were theirs`;
  return Object.freeze<ContractChange>({
    kind: allowNewVersions ? 'compatible' : 'new-version',
    rule: 'version-raised',
    event: old.name,
    breaks: allowNewVersions ? [] : ['consumers'],
    message: `${old.name}: ${version}: ${old.newerVersions === 'accept' ? accepted : archive}`,
  });
}

/** Consumers that accept newer versions read the new body by the old rules; old events are brought up to the new ones. */
function takenAnyway({ name, newerVersions }: EventFacts, differences: readonly Difference[]): ContractChange[] {
  if (newerVersions !== 'accept') return [];
  return differences.filter(({ effect }) => effect !== 'narrower' && effect !== 'none').map((difference) => fieldChange(name, difference));
}

function fieldChange(event: string, { field, what, ...said }: Difference): ContractChange {
  const where = field === '' ? 'its body' : `the field '${field}'`;
  const change = changeOf(event, { ...said, what: `${where}: ${what}` });
  return field === '' ? change : Object.freeze({ ...change, field });
}
