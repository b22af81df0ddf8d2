import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { event } from '../../src/index.js';
import { freePorts } from '../../src/testing/free-port.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { RawRhea } from '../across/raw-rhea.js';
import { ArtemisWorld, protocols } from '../support/artemis.js';
import { CeleryWorker } from '../support/celery-worker.js';
import { RabbitmqServer } from '../support/rabbitmq-server.js';
import { RedisServer } from '../support/redis-server.js';
import { unique } from '../support/world.js';

const program = fileURLToPath(new URL('processes/http-service.js', import.meta.url));

interface Answered {
  readonly key: string;
  readonly status: number;
  readonly url: string;
  readonly authorization?: string;
  readonly body: string;
}

/** A process of its own, which may be killed and started again at its port. */
class HttpService implements AsyncDisposable {
  readonly url: string;
  readonly #port: number;
  readonly #file: string;
  readonly #refusals: number;
  #child: ChildProcess | undefined;

  private constructor(port: number, file: string, refusals: number) {
    this.url = `http://127.0.0.1:${String(port)}`;
    this.#port = port;
    this.#file = file;
    this.#refusals = refusals;
  }

  static async start(folder: string, refusals = 0): Promise<HttpService> {
    const [port = 0] = await freePorts(1);
    const file = join(folder, 'answered.jsonl');
    await writeFile(file, '');
    const service = new HttpService(port, file, refusals);
    await service.start();
    return service;
  }

  async start(): Promise<void> {
    this.#child = fork(program, [String(this.#port), this.#file, String(this.#refusals)]);
    await once(this.#child, 'message');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async answered(): Promise<Answered[]> {
    const lines = (await readFile(this.#file, 'utf8')).split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Answered);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-rules-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Grounds {
  readonly name: string;
  readonly http: string;
  readonly celery: string;
}

/** Three rules for one event, as an operator would write them. */
async function written({ name, http, celery }: Grounds): Promise<string> {
  const file = join(folder, 'rules.yaml');
  await writeFile(
    file,
    `
rules:
  - name: ${name}.http
    event: ${name}
    kind: http
    url: ${http}/in/{data.n}
    auth: { username: shop, password: secret }
    json: { n: '{data.n}', text: 'n is {data.n}' }
    timeoutMs: 3000
    retry: { maxRetries: 100, initialDelayMs: 50, maxDelayMs: 500 }
    breaker: { failures: 20, pauseMs: 300 }
  - name: ${name}.celery
    event: ${name}
    kind: celery
    broker: ${celery}
    task: peer.record
    args: ['{data.n}']
    kwargs: { data: '{data}' }
    timeoutMs: 3000
    retry: { maxRetries: 100, initialDelayMs: 50, maxDelayMs: 500 }
    breaker: { failures: 20, pauseMs: 300 }
  - name: ${name}.queue
    event: ${name}
    kind: queue
    queue: ${name}.out
    bare: true
    body: { n: '{data.n}' }
`,
  );
  return file;
}

describe.each(protocols)('a rules file over $name', ({ url }) => {
  it('takes one event to an HTTP service that is busy three times, a Celery worker, and a queue, each once', async () => {
    const name = unique('three');
    @event(name)
    class Placed {
      readonly n: number;
      constructor(n = 0) {
        this.n = n;
      }
    }
    await using service = await HttpService.start(folder, 3);
    await using redis = await RedisServer.start();
    await using worker = await CeleryWorker.start(redis.url);
    await using raw = await RawRhea.connect();
    await using world = new ArtemisWorld(url());
    const manager = await world.started({ rules: await written({ name, http: service.url, celery: redis.url }) });
    const { id } = await manager.sendEvent(new Placed(7));
    await waitUntil(() => manager.counters().handled === 3);
    const answered = await service.answered();
    expect(answered.map(({ status }) => status)).toEqual([503, 503, 503, 200]);
    expect(answered[3]).toEqual({
      key: id,
      status: 200,
      url: '/in/7',
      authorization: `Basic ${Buffer.from('shop:secret').toString('base64')}`,
      body: '{"n":7,"text":"n is 7"}',
    });
    expect(await worker.runOf(id)).toMatchObject({ args: [7], kwargs: { data: { n: 7 } } });
    const out = await raw.read(`${name}.out`);
    await waitUntil(() => out.length === 1);
    expect(out[0]).toMatchObject({ body: '{"n":7}' });
    expect([(await worker.ran()).length, out.length, new Set(answered.map(({ key }) => key)).size]).toEqual([1, 1, 1]);
  }, 60_000);
});

/** As its documentation has it, after what has to be done by hand: names, the broker, quotes. */
const oldRules = (prefix: string, http: string, celery: string): string => `
name_prefix: ${prefix}.
listeners:
- name: ${prefix}.welcome
  kind: http
  event_name: ${prefix}.user_created
  url: ${http}/send-welcome/
  requests_kwargs:
    auth: ["myuser", "password"]
  request_format: json
  data:
    user_id: "{event_data['user'].id}"
    email: "{event_data['user'].email}"
- name: ${prefix}.foo
  kind: celery
  broker: ${celery}
  event_name_regex: ${prefix}[.].*_created
  queue: foo_service
  task_name: peer.record
  task_kwargs:
    event_name: "{event_name}"
    event_data: "{event_data}"
`;

describe('a file of event-isc', () => {
  it('does what it did, with a name for each rule, a broker, and quotes', async () => {
    const prefix = unique('old').replace('.', '-');
    await using service = await HttpService.start(folder);
    await using redis = await RedisServer.start();
    await using worker = await CeleryWorker.start(redis.url, ['foo_service']);
    await using world = new ArtemisWorld();
    const file = join(folder, 'old.yaml');
    await writeFile(file, oldRules(prefix, service.url, redis.url));
    const manager = await world.started({ rules: file });
    const data = { user: { id: 7, email: 'ann@example.com' } };
    const { id } = await manager.send(`${prefix}.user_created`, data);
    expect(await worker.runOf(id)).toMatchObject({ kwargs: { event_name: `${prefix}.user_created`, event_data: data } });
    await waitUntil(() => manager.counters().handled === 2);
    expect(await service.answered()).toMatchObject([
      {
        url: '/send-welcome/',
        authorization: `Basic ${Buffer.from('myuser:password').toString('base64')}`,
        body: '{"user_id":7,"email":"ann@example.com"}',
      },
    ]);
  }, 60_000);
});

describe('2 000 events', () => {
  it('all come to an HTTP service that is killed, and to a Celery worker whose broker is, with one key for each event', async () => {
    const [name, many] = [unique('many'), 2000];
    await using service = await HttpService.start(folder);
    await using rabbit = await RabbitmqServer.start();
    await using worker = await CeleryWorker.start(rabbit.url);
    await using world = new ArtemisWorld();
    const manager = await world.started({ rules: await written({ name, http: service.url, celery: rabbit.url }) });
    const ids = Array.from({ length: many }, (_, n) => `${name}.${String(n)}`);
    const wave = (from: number, to: number): Promise<unknown> =>
      Promise.all(ids.slice(from, to).map((id, index) => manager.send(name, { n: from + index }, { id })));
    await wave(0, 600);
    await service.kill();
    await wave(600, 1200);
    await waitUntil(() => manager.counters().failed > 0, { what: 'requests that fail' });
    await service.start();
    const failed = manager.counters().failed;
    await rabbit.kill();
    await wave(1200, many);
    await waitUntil(() => manager.counters().failed > failed, { what: 'tasks that fail' });
    await rabbit.start();
    await waitUntil(() => manager.counters().handled === 3 * many, {
      timeoutMs: 120_000,
      what: () => `the rest of ${JSON.stringify(manager.counters())}`,
    });
    const sorted = (found: readonly string[]): string[] => [...new Set(found)].sort();
    const answered = await service.answered();
    expect(sorted(answered.map(({ key }) => key))).toEqual([...ids].sort());
    await waitUntil(async () => new Set((await worker.ran()).map(({ id }) => id)).size === many, {
      timeoutMs: 60_000,
      what: 'all tasks',
    });
    const ran = await worker.ran();
    expect(sorted(ran.map(({ id }) => id))).toEqual([...ids].sort());
    expect(manager.counters().archived).toBe(0);
    console.log(
      `${String(answered.length - many)} requests and ${String(ran.length - many)} tasks came twice; ${String(manager.counters().failed)} attempts failed`,
    );
  }, 300_000);
});
