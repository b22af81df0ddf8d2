/** An expression has no value with this event. Values of the event are not quoted. */
export class EvaluationFault extends Error {
  /** Something on the path is not there: `??` gives another value then. */
  readonly missing: boolean;

  constructor(message: string, { missing = false } = {}) {
    super(message);
    this.name = 'EvaluationFault';
    this.missing = missing;
  }
}
