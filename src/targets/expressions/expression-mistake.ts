/** What is wrong with the text of an expression, and where in it. */
export class ExpressionMistake extends Error {
  /** From its begin, counted from 0. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.name = 'ExpressionMistake';
    this.at = at;
  }
}
