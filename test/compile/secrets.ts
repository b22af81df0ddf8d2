/** Compiled twice like its neighbour: fields marked as secret. */
import { Secret } from '../../src/index.js';

export class Card {
  @Secret() number = '4711';
  readonly owner: string = 'Ann';

  @Secret() get code(): string {
    return this.number.slice(-3);
  }
}

export class GoldCard extends Card {
  @Secret() pin = 1234;
}
