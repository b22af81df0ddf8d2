import { AsyncLocalStorage } from 'node:async_hooks';
import { inject, injectable } from 'inversify';
import { envelopePipeline } from 'tidings';
import type { Envelope, EnvelopePipeline } from 'tidings';

/** Who the current user is: something that most services have already. */
@injectable()
export class SessionStore {
  readonly #storage = new AsyncLocalStorage<string>();

  currentId(): string {
    return this.#storage.getStore() ?? 'none';
  }

  run<T>(id: string, work: () => T): T {
    return this.#storage.run(id, work);
  }
}

@envelopePipeline()
export class SessionPipeline implements EnvelopePipeline {
  constructor(@inject(SessionStore) private readonly sessions: SessionStore) {}

  send(envelope: Envelope, _event: unknown, next: () => Promise<void>): Promise<void> {
    envelope.set('session_id', this.sessions.currentId());
    return next();
  }

  handle(envelope: Envelope, _listener: unknown, next: () => Promise<void>): Promise<void> {
    return this.sessions.run(envelope.get('session_id') ?? 'none', next);
  }
}
