import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { repoRoot } from '../setup/repo.js';

const program = join(repoRoot, 'dist/src/cli/main.js');
const built = (file: string): string => join(repoRoot, 'dist/examples', file);

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

let folder: string;

beforeAll(() => {
  // Within the checkout, so that the modules there find the package.
  folder = mkdtempSync(join(repoRoot, 'dist', 'asyncapi-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function asyncapi(args: readonly string[], cwd = folder): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, 'asyncapi', ...args], { cwd, timeout: 60_000 }, (_error, out, errors) => {
      resolve({ code: child.exitCode, out, errors });
    });
  });
}

/** A module with events as a build writes it. */
function module(name: string, body: string): string {
  const decorators = `import { event, eventListener, defineEvent } from 'tidings';\nimport * as rules from 'class-validator';\nimport { z } from 'zod';\n`;
  const define = `
    const field = (target, name, ...decorators) => decorators.forEach((decorate) => decorate(target.prototype, name));
    const declared = (options, fields) => {
      const Target = class {};
      for (const [name, decorators] of Object.entries(fields)) field(Target, name, ...decorators);
      event(options)(Target);
      return Target;
    };\n`;
  writeFileSync(join(folder, name), decorators + define + body);
  return `./${name}`;
}

const order = `export const Order = declared('cli.order', { id: [rules.IsUUID()], total: [rules.IsNumber()], note: [rules.IsOptional(), rules.IsString()] });
  class Mailer { on() {} }
  eventListener(Order, 'cli.mailer')(Mailer);\n`;

describe('tidings asyncapi', () => {
  it('prints a document of the modules, and writes it to a file, the same each time', async () => {
    const file = module('order.mjs', order);
    const args = ['--title', 'Shop', '--version', '3.1.4', '--server', 'main=amqp://us3r:p4ss@broker'];
    const { code, out, errors } = await asyncapi([file, ...args]);
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(JSON.parse(out)).toMatchObject({
      asyncapi: '3.1.0',
      info: { title: 'Shop', version: '3.1.4' },
      servers: { main: { host: 'broker:5672', protocol: 'amqp1' } },
      components: { schemas: { 'cli.order': { required: ['id', 'total'], properties: { id: { format: 'uuid' } } } } },
    });
    expect(out).not.toMatch(/us3r|p4ss/);
    const written = await asyncapi([file, ...args, '--out', 'order.json']);
    expect(written).toEqual({ code: 0, out: '', errors: '' });
    expect(readFileSync(join(folder, 'order.json'), 'utf8')).toBe(out);
  });

  it.each([
    [
      'a required field that is gone',
      order.replace('total: [rules.IsNumber()],', ''),
      /^BREAKS {4}cli\.order: the field 'total': is gone: consumers /m,
    ],
    [
      'a tighter type',
      order.replace('rules.IsNumber()', 'rules.IsInt()'),
      /^BREAKS {4}cli\.order: the field 'total': was number and is integer: events of senders /m,
    ],
    [
      'another name of an event',
      order.replace("declared('cli.order'", "declared('cli.order.placed'"),
      /^BREAKS {4}cli\.order: the event is gone \(it seems to be called 'cli\.order\.placed' now, whose body is the same\): /m,
    ],
    [
      'a listener that is gone',
      order.replace(/class Mailer[^]*$/, ''),
      /^BREAKS {4}cli\.order: the listener 'cli\.mailer' is gone: its queue /m,
    ],
  ])('--check fails for %s, and says so', async (what, changed, sentence) => {
    const old = await asyncapi([module('order.mjs', order), '--out', 'committed.json']);
    expect(old.code).toBe(0);
    const { code, out, errors } = await asyncapi([module(`${what.replace(/\W/g, '-')}.mjs`, changed), '--check', 'committed.json']);
    expect({ code, errors }).toEqual({ code: 1, errors: '' });
    expect(out).toMatch(sentence);
    expect(out).toMatch(/^\d+ of \d+ changes break, or may$/m);
  });

  it('--check passes what is compatible, and lists it', async () => {
    await asyncapi([module('order.mjs', order), '--out', 'committed.json']);
    expect(await asyncapi(['./order.mjs', '--check', 'committed.json'])).toEqual({ code: 0, out: 'nothing has changed\n', errors: '' });
    const more = module('more.mjs', order.replace('note:', 'extra: [rules.IsOptional(), rules.IsString()], note:'));
    expect(await asyncapi([more, '--check', 'committed.json'])).toEqual({
      code: 0,
      out: "ok        cli.order: the field 'extra': is new, and need not be there\n\ncompatible\n",
      errors: '',
    });
    const { out } = await asyncapi([more, '--check', 'committed.json', '--json']);
    expect(JSON.parse(out)).toMatchObject([{ kind: 'compatible', rule: 'field-added', event: 'cli.order', field: 'extra', breaks: [] }]);
  });

  it('--check lets a new version pass when it is told to', async () => {
    await asyncapi([module('order.mjs', order), '--out', 'committed.json']);
    const upcaster = `import { upcaster } from 'tidings';\nclass Up { up(body) { return body; } }\nupcaster(Order, 1)(Up);\n`;
    const next = module(
      'next.mjs',
      `${order.replace("'cli.order'", "{ name: 'cli.order', version: 2 }").replace('IsNumber', 'IsString')}${upcaster}`,
    );
    const { code, out } = await asyncapi([next, '--check', 'committed.json']);
    expect(code).toBe(1);
    expect(out).toContain(
      "VERSION   cli.order: its version was 1 and is 2 (changed: 'total'): consumers built for version 1 archive it as unsupported-version",
    );
    expect((await asyncapi([next, '--check', 'committed.json', '--allow-new-versions'])).code).toBe(0);
  });

  it('loads packages by their names, as the folder sees them', async () => {
    module('order.mjs', order);
    const place = join(folder, 'node_modules', 'shop-contract');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), JSON.stringify({ name: 'shop-contract', exports: { './events': './events.mjs' } }));
    writeFileSync(join(place, 'events.mjs'), "export * from '../../order.mjs';\n");
    const { code, out } = await asyncapi(['shop-contract/events']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ components: { schemas: { 'cli.order': { type: 'object' } } } });
  });

  it('takes JSON Schemas from a file', async () => {
    writeFileSync(join(folder, 'payloads.json'), JSON.stringify({ 'cli.order': { type: 'object', title: 'given' } }));
    const { out } = await asyncapi([module('order.mjs', order), '--payloads', 'payloads.json']);
    expect(JSON.parse(out)).toMatchObject({ components: { schemas: { 'cli.order': { title: 'given' } } } });
  });

  it('says what is wrong with its arguments, ends with 2, and shows no password', async () => {
    module('order.mjs', order);
    writeFileSync(join(folder, 'empty.mjs'), '');
    writeFileSync(join(folder, 'throws.mjs'), "throw new Error('no such luck');");
    writeFileSync(join(folder, 'text.json'), 'text');
    const said = async (...args: string[]): Promise<string> => {
      const { code, out, errors } = await asyncapi(args);
      expect({ args, code, out }).toEqual({ args, code: 2, out: '' });
      expect(errors).not.toContain('s3cret');
      return errors;
    };
    expect(await said()).toContain("missing required argument 'module'");
    expect(await said('./no-such.mjs')).toContain('the module ./no-such.mjs cannot be loaded');
    expect(await said('no-such-package')).toContain('packages by their name');
    expect(await said('./throws.mjs')).toContain('no such luck');
    expect(await said('./empty.mjs')).toContain('the modules declare no event');
    expect(await said('./order.mjs', '--server', 'amqp://u:s3cret@host')).toContain('--server must be name=url');
    expect(await said('./order.mjs', '--server', 'main=amqp://u:s3cret@host:1/x')).toContain('must end after the port');
    expect(await said('./order.mjs', '--server', 'main=http://u:s3cret@host')).toContain('must begin with amqp://, stomp:// or ws://');
    expect(await said('./order.mjs', '--check', 'no-such.json')).toContain('no-such.json cannot be read as JSON');
    expect(await said('./order.mjs', '--check', 'text.json')).toContain('text.json cannot be read as JSON');
    writeFileSync(join(folder, 'other.json'), '{}');
    expect(await said('./order.mjs', '--check', 'other.json')).toContain('the old contract is no AsyncAPI 3 document');
    expect(await said('./order.mjs', '--prefix', 'a b')).toContain("option 'namePrefix': must not contain");
    expect(await said('./order.mjs', '--queue-naming', 'odd')).toContain('Allowed choices are plain, qualified');
    expect(await said('./order.mjs', '--tittle', 'x')).toContain("unknown option '--tittle'");
    // Each is a process of its own.
  }, 120_000);
});

describe('the documents of the examples', () => {
  test.each([
    ['quickstart', ['quickstart/listeners.js'], ['order.placed']],
    ['retries-and-archive', ['retries-and-archive/listeners.js'], ['faults.payment.due', 'payment.due']],
    ['swap-provider', ['swap-provider/listeners.js'], ['faults.swap.payment.due', 'swap.payment.collected', 'swap.payment.due']],
    ['own-provider', ['own-provider/printer.js'], ['order.placed']],
    ['validation', ['validation/listeners.js'], ['faults.order.paid', 'order.paid']],
    ['schema-first', ['schema-first/listeners.js'], ['schema-first.order.placed', 'schema-first.parcel.sent']],
    [
      'two-services',
      ['two-services/customer-service.js', 'two-services/packer.js'],
      ['two-services.order.placed', 'two-services.parcel.sent'],
    ],
    [
      'fixtures',
      ['../test/contracts/fixtures.js'],
      ['contracts.order.placed', 'contracts.paid', 'contracts.plain', 'contracts.tree', 'faults.contracts.paid'],
    ],
  ])('that of %s passes the official parser, which asks nobody', async (_name, files, channels) => {
    const servers = ['--server', 'one=amqps://broker', '--server', 'two=ws://broker/stomp', '--server', 'three=stomp://[::1]:1'];
    const { code, out, errors } = await asyncapi([...files.map(built), ...servers], tmpdir());
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(Object.keys((JSON.parse(out) as { channels: object }).channels)).toEqual(channels);
    expect(await diagnosticsOf(out)).toEqual([]);
  });

  it('pass in structured mode too', async () => {
    const { out } = await asyncapi([built('../test/contracts/fixtures.js'), '--content-mode', 'structured'], tmpdir());
    expect(await diagnosticsOf(out)).toEqual([]);
  });

  it('would not pass if they were broken', async () => {
    const { out } = await asyncapi([built('quickstart/listeners.js')], tmpdir());
    const broken = await diagnosticsOf(out.replace('"action": "send"', '"action": "shout"'));
    expect(broken.filter(({ severity }) => severity === 0).length).toBeGreaterThan(0);
  });
});

/** Its own types want those of packages that are not here. */
interface AsyncApiParser {
  parse(document: string): Promise<{ readonly diagnostics: readonly { readonly severity: number }[] }>;
}

/** What the official parser finds. It must ask nobody for it. */
async function diagnosticsOf(document: string): Promise<readonly { readonly severity: number }[]> {
  const connect = net.Socket.prototype.connect;
  const asked: unknown[] = [];
  net.Socket.prototype.connect = function (...where: unknown[]) {
    asked.push(where);
    throw new Error('no network here');
  };
  try {
    const { Parser } = createRequire(import.meta.url)('@asyncapi/parser') as { Parser: new () => AsyncApiParser };
    const { diagnostics } = await new Parser().parse(document);
    expect(asked).toEqual([]);
    return diagnostics;
  } finally {
    net.Socket.prototype.connect = connect;
  }
}
