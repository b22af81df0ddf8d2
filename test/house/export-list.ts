import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { repoRoot } from '../setup/repo.js';

export interface ExportList {
  readonly values: string[];
  readonly types: string[];
}

export const exportsFile = join(repoRoot, 'test/house/exports.json');

/** The subpaths that package.json exports, each with its built module. */
export function subpaths(): { subpath: string; js: string; types: string }[] {
  const { exports } = JSON.parse(readFileSync(join(repoRoot, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string; default: string }>;
  };
  return Object.entries(exports).flatMap(([subpath, entry]) =>
    typeof entry === 'string' ? [] : [{ subpath, js: join(repoRoot, entry.default), types: join(repoRoot, entry.types) }],
  );
}

/** What a user can import from each subpath, types too: read from the built declarations. */
export function readExportLists(): Record<string, ExportList> {
  const entries = subpaths();
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noLib: true,
    types: [],
  };
  const program = ts.createProgram(
    entries.map(({ types }) => types),
    options,
  );
  const checker = program.getTypeChecker();
  return Object.fromEntries(
    entries.map(({ subpath, types }) => {
      const source = program.getSourceFile(types);
      const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
      if (module === undefined) throw new Error(`${types} is no module: has the build run?`);
      return [subpath, list(checker, checker.getExportsOfModule(module))];
    }),
  );
}

function list(checker: ts.TypeChecker, symbols: readonly ts.Symbol[]): ExportList {
  const lists: ExportList = { values: [], types: [] };
  for (const symbol of symbols) (isValue(checker, symbol) ? lists.values : lists.types).push(symbol.name);
  lists.values.sort();
  lists.types.sort();
  return lists;
}

/** `export type { X }` makes a type even of a class. */
function isValue(checker: ts.TypeChecker, symbol: ts.Symbol): boolean {
  const alias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
  if (alias && symbol.declarations?.some(ts.isTypeOnlyExportDeclaration)) return false;
  return ((alias ? checker.getAliasedSymbol(symbol) : symbol).flags & ts.SymbolFlags.Value) !== 0;
}
