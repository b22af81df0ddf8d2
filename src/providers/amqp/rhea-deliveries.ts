import rhea from 'rhea';

// rhea makes an object literal for each message. With many in flight V8 comes to allocate what that line makes in its old space, where it stays
// until all of that is looked through, and with it all that it refers to: a quarter of the CPU of sending. It does so for literals, not for
// instances of a class.

/** What rhea keeps deliveries of one direction in. */
interface Keeper {
  update(delivery: object, settled: boolean | undefined, state: unknown): void;
}

/** What is used here of a link of rhea's. */
export interface InnerLink {
  readonly local: { readonly handle: number; readonly attach: { readonly rcv_settle_mode?: number } };
  credit: number;
  delivery_count: number;
  has_credit(): boolean;
  is_remote_open(): boolean;
  emit(name: 'accepted' | 'message', context: object): void;
  /** A message of which not all has come. */
  readonly _incomplete?: unknown;
}

/** As rhea shows what was sent, until it is settled. */
export class OutgoingDelivery {
  readonly channel: number;
  readonly handle: number;
  readonly id: number;
  readonly tag: Buffer;
  readonly payload: Buffer;
  readonly link: InnerLink;
  readonly format = 0;
  next_to_send = 0;
  sent = false;
  settled = false;
  state: unknown = undefined;
  remote_settled = false;
  remote_state: unknown = undefined;
  /** For whoever sent it. */
  token: object | undefined = undefined;
  readonly #keeper: Keeper;

  constructor(
    keeper: Keeper,
    link: InnerLink,
    { channel, id, tag, payload }: Pick<OutgoingDelivery, 'channel' | 'id' | 'tag' | 'payload'>,
  ) {
    this.#keeper = keeper;
    this.link = link;
    this.channel = channel;
    this.handle = link.local.handle;
    this.id = id;
    this.tag = tag;
    this.payload = payload;
  }

  /** Its frames. */
  get data(): readonly Buffer[] {
    return [this.payload];
  }

  update(settled: boolean, state?: unknown): void {
    this.#keeper.update(this, settled, state);
  }
}

type Outcome = (fields?: unknown) => { described(): unknown };
const { accepted, released, rejected, modified } = rhea.message as unknown as Record<
  'accepted' | 'released' | 'rejected' | 'modified',
  Outcome
>;

/** As rhea shows what came. */
export class IncomingDelivery {
  readonly id: number;
  readonly tag: Buffer | undefined;
  readonly format: number;
  readonly link: InnerLink;
  settled = false;
  state: unknown = undefined;
  remote_settled = false;
  remote_state: unknown = undefined;
  readonly #keeper: Keeper;

  constructor(keeper: Keeper, link: InnerLink, { id, tag, format }: Pick<IncomingDelivery, 'id' | 'tag' | 'format'>) {
    this.#keeper = keeper;
    this.link = link;
    this.id = id;
    this.tag = tag;
    this.format = format;
  }

  update(settled: boolean | undefined, state: unknown): void {
    this.#keeper.update(this, settled ?? this.link.local.attach.rcv_settle_mode !== 1, state);
  }

  accept(): void {
    this.update(undefined, accepted().described());
  }

  release(how?: object): void {
    this.update(undefined, (how === undefined ? released() : modified(how)).described());
  }

  reject(error?: unknown): void {
    this.update(undefined, rejected({ error }).described());
  }

  modified(how?: object): void {
    this.update(undefined, modified(how).described());
  }
}
