import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { repoRoot } from '../setup/repo.js';

// Below dist, so that 'tidings' means this package, as it means the installed one to a reader.
const folder = join(repoRoot, 'dist', 'readme');

/**
 * Writes the files, compiles them together and returns what the compiler says, with the lines of the page for which `lineOf` knows
 * the place. The JavaScript lies beside the sources.
 */
export function compile(name: string, files: ReadonlyMap<string, string>, tsconfig: string, lineOf: (file: string) => number): string[] {
  const root = join(folder, name);
  rmSync(root, { recursive: true, force: true });
  const paths = [...files].map(([file, code]) => {
    const path = join(root, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
    return path;
  });
  const { config, error } = ts.parseConfigFileTextToJson('tsconfig.json', tsconfig) as {
    config: { compilerOptions: object };
    error?: ts.Diagnostic;
  };
  if (error !== undefined) return [ts.flattenDiagnosticMessageText(error.messageText, '\n')];
  const { options, errors } = ts.convertCompilerOptionsFromJson({ ...config.compilerOptions, rootDir: root, outDir: root }, repoRoot);
  const program = ts.createProgram(paths, options, sharingHost(options));
  const emitted = program.emit();
  return [...errors, ...ts.getPreEmitDiagnostics(program), ...emitted.diagnostics].map((diagnostic) => said(diagnostic, root, lineOf));
}

export function compiled(name: string, file: string): string {
  return join(folder, name, file.replace(/\.ts$/, '.js'));
}

const parsed = new Map<string, ts.SourceFile | undefined>();

/** Reads the libraries once for all calls. */
function sharingHost(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (file, ...more) => {
    if (file.startsWith(folder)) return read(file, ...more);
    if (!parsed.has(file)) parsed.set(file, read(file, ...more));
    return parsed.get(file);
  };
  return host;
}

function said({ file, start, messageText }: ts.Diagnostic, root: string, lineOf: (file: string) => number): string {
  const message = ts.flattenDiagnosticMessageText(messageText, '\n');
  if (file === undefined || start === undefined) return message;
  const name = file.fileName.startsWith(root) ? file.fileName.slice(root.length + 1) : file.fileName;
  return `line ${lineOf(name) + file.getLineAndCharacterOfPosition(start).line} (${name}): ${message}`;
}
