import { Filling, type RuleEvent } from '../../../src/targets/rule-event.js';
import { examineRules, readRules, type ReadRules } from '../../../src/targets/rules-file/read-rules.js';
import { sampleKinds } from './sample-kinds.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export function readText(text: string, environment: Environment = {}): Promise<ReadRules> {
  return readRules({ text, file: 'rules.yaml' }, { kinds: sampleKinds, environment });
}

/** Every mistake in the text of a file. */
export async function mistakesOf(text: string, environment: Environment = {}): Promise<string[]> {
  const { mistakes, rules } = await examineRules({ text, file: 'rules.yaml' }, { kinds: sampleKinds, environment });
  if (rules !== undefined) throw new Error('there is no mistake');
  return mistakes.sorted();
}

/** Of one rule, whose further fields these are. */
export function ruleMistakes(fields: string, environment: Environment = {}): Promise<string[]> {
  return mistakesOf(
    `rules:\n- {name: a, event: order.placed, kind: http}\n- name: b\n  kind: http\n${fields.replace(/^/gm, '  ')}\n`,
    environment,
  ).then(
    // The first rule lacks an address, so that there always is a mistake.
    (all) => all.filter((mistake) => mistake !== 'rules.yaml:2:3: rules[0].url: is missing: the address of the service'),
  );
}

export function filling(data: unknown, event: Partial<RuleEvent> = {}): Filling {
  return new Filling({
    event: 'order.placed',
    id: 'e-1',
    time: '2026-01-02T03:04:05Z',
    source: 'shop',
    correlationId: 'c-1',
    contentType: 'application/json',
    data,
    headers: {},
    attempt: 1,
    ...event,
  });
}
