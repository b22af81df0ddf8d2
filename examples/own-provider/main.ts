/**
 * A provider of one's own: over a folder of files. It sends and handles events with it, and then checks it with the cases that the
 * providers of this package pass.
 */
import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Container } from 'inversify';
import { EventManager, eventing } from 'tidings';
import type { Logger } from 'tidings';
import { conformanceGaps, providerConformance } from 'tidings/testing';
import type { ConformanceOptions } from 'tidings/testing';
import { FolderProvider } from './folder-provider.js';
import { OrderPlaced, Printer } from './printer.js';

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

async function programOn(folder: string): Promise<void> {
  const container = new Container();
  container.load(
    eventing({ provider: new FolderProvider(folder), serviceName: 'own-provider', listeners: [Printer], pipelines: [], logger: silent }),
  );
  const events = container.get(EventManager);
  await events.start();
  await events.sendEvent(new OrderPlaced('4711'));
  while (!Printer.printed.has('4711')) await new Promise((wake) => setTimeout(wake, 10));
  await events.stop();
  console.log('stopped');
}

async function suiteOn(folder: string): Promise<void> {
  process.env['OWN_PROVIDER_FOLDER'] = folder; // for the other processes
  const create = (): FolderProvider => new FolderProvider(folder);
  const options: ConformanceOptions = {
    capabilities: create().capabilities,
    create,
    processes: new URL('./member.js', import.meta.url).href,
    promptReturns: true,
    quietMs: 100,
  };
  let passed = 0;
  for (const { id, name, run } of providerConformance(options)) {
    try {
      await run();
      passed++;
    } catch (error) {
      console.error(`${id} ${name}:`, error);
      process.exitCode = 1;
    }
  }
  console.log(`left out for want of: ${[...new Set(conformanceGaps(options).flatMap(({ missing }) => missing))].sort().join(', ')}`);
  console.log(`${String(passed)} cases passed`);
}

const folder = mkdtempSync(join(tmpdir(), 'own-provider-'));
try {
  await programOn(join(folder, 'program'));
  await suiteOn(join(folder, 'suite'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
