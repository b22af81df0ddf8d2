import type { Provider } from '../../core/provider.js';
import { EventManager } from '../../manager/event-manager.js';
import { madeEvent, MadeListener } from './made-classes.js';
import type { MemberListener, MemberOrder, MemberWord } from './member-protocol.js';

// A process of the conformance suite: a manager with listeners that tell their calls to the parent. It ends by itself after 'stop'.

function say(word: MemberWord): void {
  process.send?.(word);
}

const events = new Map<string, ReturnType<typeof madeEvent>>();

function eventNamed(name: string): ReturnType<typeof madeEvent> {
  const known = events.get(name) ?? madeEvent(name);
  events.set(name, known);
  return known;
}

function made({ event, name, lethal, takesMs = 0, ...options }: MemberListener): MadeListener {
  return new MadeListener(eventNamed(event), { ...options, name }, async ({ note }) => {
    if (note.n === lethal) process.kill(process.pid, 'SIGKILL');
    if (takesMs > 0) await new Promise((done) => setTimeout(done, takesMs));
    say({ listener: name, n: note.n });
  });
}

async function run({ module, serviceName, listeners }: MemberOrder): Promise<void> {
  const { createProvider } = (await import(module)) as { readonly createProvider: () => Provider | Promise<Provider> };
  const provider = await createProvider();
  const manager = new EventManager({
    provider,
    serviceName,
    listeners: listeners.map((listener) => made(listener).target),
    pipelines: [],
    retry: provider.capabilities.has('delay') ? {} : false,
    resolve: (target) => new target() as unknown,
  });
  process.once('message', () => {
    void manager.stop().then(() => {
      process.disconnect();
    });
  });
  process.once('disconnect', () => void manager.stop());
  await manager.start();
  say('ready');
}

await run(JSON.parse(process.argv[2] ?? '{}') as MemberOrder);
