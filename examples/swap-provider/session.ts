import { AsyncLocalStorage } from 'node:async_hooks';
import { inject, injectable } from 'inversify';
import { envelopePipeline } from 'tidings';
import type { Envelope, EnvelopePipeline } from 'tidings';

/** Whose visit to the shop this is. */
@injectable()
export class Session {
  readonly #storage = new AsyncLocalStorage<string>();

  get id(): string {
    return this.#storage.getStore() ?? 'none';
  }

  run<T>(id: string, work: () => T): T {
    return this.#storage.run(id, work);
  }
}

/** The session of the sender is that of the listener, whatever characters its name has. */
@envelopePipeline()
export class SessionPipeline implements EnvelopePipeline {
  constructor(@inject(Session) private readonly session: Session) {}

  send(envelope: Envelope, _event: unknown, next: () => Promise<void>): Promise<void> {
    envelope.set('session_id', this.session.id);
    return next();
  }

  handle(envelope: Envelope, _listener: unknown, next: () => Promise<void>): Promise<void> {
    return this.session.run(envelope.get('session_id') ?? 'none', next);
  }
}
