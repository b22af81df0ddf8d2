import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, sep } from 'node:path';
import { artemisVersion } from '../../src/testing/artemis-version.js';
import { cached, cacheFolder } from '../../src/testing/cache-folder.js';
import { mustRun, runCommand } from '../../src/testing/run-command.js';
import { repoRoot } from './repo.js';
import { fingerprint, type Toolchain } from './toolchain.js';

/** In the environment of the workers: the class path of the JMS program. */
export const jmsClassPathVariable = 'TIDINGS_TEST_JMS_CLASSPATH';

const source = join(repoRoot, 'test', 'across', 'peers', 'JmsPeer.java');
const lookMs = 10_000;
const downloadMs = 8 * 60_000;
const compileMs = 60_000;

const artifacts = [
  ['org.apache.qpid', 'qpid-jms-client', '2.8.0'],
  ['org.apache.artemis', 'artemis-jakarta-client', artemisVersion],
  ['com.google.code.gson', 'gson', '2.13.2'],
  ['org.slf4j', 'slf4j-nop', '2.0.17'],
];

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tidings.tests</groupId>
  <artifactId>jms-peer</artifactId>
  <version>1</version>
  <dependencies>
${artifacts.map(dependency).join('\n')}
  </dependencies>
</project>
`;

const jarsFolder = `jms-jars-${fingerprint(pom)}`;

export const javaToolchain: Toolchain = {
  name: 'Java',
  remedy: 'install a JDK of Java 17 or later (java, javac) and Maven (mvn)',

  wants: (path) => path.includes(`${sep}test${sep}across${sep}jms`),

  async isHere() {
    const { ok, output } = await runCommand('java', ['-version'], lookMs);
    if (!ok || Number(/version "(\d+)/.exec(output)?.[1]) < 17) return false;
    const cache = cacheFolder();
    if (existsSync(join(cache, await classesFolder()))) return true;
    if (!(await runCommand('javac', ['-version'], lookMs)).ok) return false;
    return existsSync(join(cache, jarsFolder)) || (await runCommand('mvn', ['-B', '-version'], lookMs)).ok;
  },

  async install() {
    const jars = await cached(jarsFolder, async (made) => {
      const file = join(dirname(made), 'pom.xml');
      await writeFile(file, pom);
      await mustRun('mvn', ['-B', '-q', '-f', file, 'dependency:copy-dependencies', `-DoutputDirectory=${made}`], downloadMs);
    });
    const libraries = join(jars, '*');
    const classes = await cached(await classesFolder(), async (made) => {
      await mustRun('javac', ['--release', '17', '-cp', libraries, '-d', made, source], compileMs);
    });
    process.env[jmsClassPathVariable] = [classes, libraries].join(delimiter);
  },
};

async function classesFolder(): Promise<string> {
  return `jms-classes-${fingerprint(pom, await readFile(source, 'utf8'))}`;
}

function dependency([group = '', artifact = '', version = '']: string[]): string {
  return `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
}
