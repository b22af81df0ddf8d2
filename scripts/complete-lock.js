// npm leaves packages for other platforms out of the lock file when the registry it asks does not have them, and then `npm ci` refuses
// that lock file everywhere. This adds what is missing, from the exact versions that the packages themselves ask for.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const { packages } = lock;

const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32', 'wasi'];
const processors = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64', 'wasm32'];

function isLocked(path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`] !== undefined) return true;
    if (folder === '') return false;
    if (!folder.includes('/node_modules/')) folder = '';
  }
}

/** Named as napi-rs names them: `@scope/binding-linux-arm64-musl`. */
function entry(name, version, parent) {
  const words = name.split(/[-/]/);
  const os = systems.filter((system) => system !== 'wasi' && words.includes(system));
  const cpu = processors.filter((processor) => words.includes(processor));
  const musl = words.some((word) => word.startsWith('musl'));
  const libc = os[0] === 'linux' ? [musl ? 'musl' : 'glibc'] : undefined;
  if (!/^\d+\.\d+\.\d+/.test(version) || cpu.length !== 1) throw new Error(`cannot lock ${name}@${version}: add it by hand`);
  const { dev, license, engines } = parent;
  return {
    version,
    cpu,
    ...(dev && { dev }),
    ...(libc && { libc }),
    license,
    optional: true,
    ...(os.length > 0 && { os }),
    ...(engines && { engines }),
  };
}

for (const [path, parent] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (!isLocked(path, name)) packages[`node_modules/${name}`] = entry(name, version, parent);
  }
}

const byPath = ([a], [b]) => a.localeCompare(b, 'en');
lock.packages = Object.fromEntries(Object.entries(packages).sort(byPath));
writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`);
