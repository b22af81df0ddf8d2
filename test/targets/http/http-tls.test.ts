import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HttpFailure } from '../../../src/targets/http/exchange.js';
import { HttpService } from '../../support/http-service.js';
import { TlsFront } from '../../support/tls-front.js';
import { delivered, thrownBy } from './open-target.js';

let service: HttpService;
let front: TlsFront;
beforeEach(async () => {
  service = await HttpService.start();
  front = await TlsFront.open({ host: '127.0.0.1', port: service.port });
});
afterEach(async () => {
  await front.close();
  await service.end();
});

describe('a delivery over TLS', () => {
  it('is not made to who shows a certificate that nobody here trusts', async () => {
    const error = await thrownBy(delivered({ url: `https://localhost:${String(front.port)}/orders` }));
    expect(error).toBeInstanceOf(HttpFailure);
    expect(error.message).toMatch(/certificate/);
    expect(service.asked).toEqual([]);
  });

  it('is made to who shows one that is trusted, and its idle connection keeps no process alive', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidings-tls-'));
    const authority = join(folder, 'ca.pem');
    writeFileSync(authority, front.authority);
    const script = `
      const { filling, openTarget } = await import(${JSON.stringify(new URL('./open-target.js', import.meta.url).href)});
      const target = await openTarget({ url: 'https://localhost:${String(front.port)}/orders' });
      await target.deliver(target.prepare(filling()), new AbortController().signal);
      console.log('delivered');`;
    try {
      const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
        timeout: 15_000,
        env: { ...process.env, NODE_EXTRA_CA_CERTS: authority },
      });
      expect((await run).stdout).toBe('delivered\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(service.asked.map(({ path }) => path)).toEqual(['/orders']);
  });
});
