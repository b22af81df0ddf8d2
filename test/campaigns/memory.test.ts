import { describe, it } from '@jest/globals';
import { planFor } from './campaigns.js';
import { MemoryStage } from './memory-stage.js';
import { seedOfTests } from '../support/random.js';
import { campaign, playOn } from './play.js';

describe('campaigns in memory', () => {
  it.each([
    ['CMP-1', 'lose nothing when the broker is restarted twice while 100 send'],
    ['CMP-2', 'lose nothing when the broker goes and comes back'],
    ['CMP-6', 'count every attempt exactly, whatever 3 listeners do, over 3 cuts'],
  ])(
    '%s: %s',
    async (id) => {
      await using stage = await MemoryStage.open();
      await playOn(stage, campaign(id), planFor(campaign(id), 'test', seedOfTests()));
    },
    60_000,
  );

  it('CMP-8: keep the order of 20 keys over 3 cuts and when a worker is replaced', async () => {
    await using stage = await MemoryStage.open();
    const { faults, ...plan } = planFor(campaign('CMP-8'), 'test', seedOfTests());
    await playOn(stage, campaign('CMP-8'), { ...plan, faults: { ...faults, kills: 0, cuts: 3, replacements: 1 } });
  }, 60_000);
});
