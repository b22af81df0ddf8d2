/** What the peer or the network said when it refused or ended something. */
export class PeerFault extends Error {
  /** AMQP condition, `tls:certificate`, or a code of Node such as ECONNREFUSED. */
  readonly condition: string;

  constructor(condition: string, description: string) {
    super(description === '' ? condition : `${condition}: ${description}`);
    this.name = 'PeerFault';
    this.condition = condition;
  }
}

/** Whatever a driver or a socket shows as an error. */
export function faultOf(error: unknown, otherwise: string): PeerFault {
  if (error instanceof PeerFault) return error;
  if (typeof error !== 'object' || error === null) return new PeerFault('closed', otherwise);
  const { condition, description, message, code } = error as Record<string, unknown>;
  const name = text(condition) || text(code) || text((error as { name?: unknown }).name) || 'closed';
  return new PeerFault(name, text(description) || text(message) || otherwise);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
