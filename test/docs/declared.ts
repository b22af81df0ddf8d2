import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { repoRoot } from '../setup/repo.js';

/** One option, as its interface declares it. */
export interface Member {
  /** With a dot where the interface holds an object in place: `validate.send`. */
  readonly name: string;
  /** What stands behind `@default`. */
  readonly byDefault: string | undefined;
}

const sources = new Map<string, ts.SourceFile>();

function sourceFiles(): ts.SourceFile[] {
  if (sources.size === 0) {
    for (const name of readdirSync(join(repoRoot, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))) {
      sources.set(name, ts.createSourceFile(name, readFileSync(join(repoRoot, 'src', name), 'utf8'), ts.ScriptTarget.ES2022, true));
    }
  }
  return [...sources.values()];
}

function found<T extends ts.Node>(what: string, look: (node: ts.Node) => T | undefined, within: readonly ts.Node[] = sourceFiles()): T {
  const walk = (node: ts.Node): T | undefined => look(node) ?? ts.forEachChild(node, walk);
  for (const node of within) {
    const hit = walk(node);
    if (hit !== undefined) return hit;
  }
  throw new Error(`there is no ${what} in src`);
}

/** The members of an interface, by its name; of the options of a method, by `Class.method`. */
export function membersOf(name: string): Member[] {
  const [owner = '', method] = name.split('.');
  if (method === undefined) {
    return membersIn(
      found(`interface ${name}`, (node) => (ts.isInterfaceDeclaration(node) && node.name.text === name ? node : undefined)).members,
    );
  }
  const holder = found(`class ${owner}`, (node) => (ts.isClassDeclaration(node) && node.name?.text === owner ? node : undefined));
  const declared = found(`method ${name}`, (node) => (ts.isMethodDeclaration(node) && node.name.getText() === method ? node : undefined), [
    holder,
  ]);
  return membersIn(found(`options of ${name}`, (node) => (ts.isTypeLiteralNode(node) ? node : undefined), declared.parameters).members);
}

function membersIn(members: Iterable<ts.TypeElement>): Member[] {
  return [...members].flatMap((member) => {
    const name = member.name?.getText() ?? '';
    const inner =
      ts.isPropertySignature(member) && member.type !== undefined && ts.isTypeLiteralNode(member.type) ? member.type.members : undefined;
    if (inner !== undefined) return membersIn(inner).map((one) => ({ ...one, name: `${name}.${one.name}` }));
    return [{ name, byDefault: defaultOf(member) }];
  });
}

function defaultOf(member: ts.Node): string | undefined {
  const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'default');
  return tag === undefined ? undefined : (ts.getTextOfJSDocComment(tag.comment) ?? '');
}

function variableNamed(name: string, within?: readonly ts.Node[]): ts.VariableDeclaration {
  return found(`variable ${name}`, (node) => (ts.isVariableDeclaration(node) && node.name.getText() === name ? node : undefined), within);
}

/** The keys of `const <variable> = z.strictObject({ ... })` in a file of src, and those of the objects that are spread there. */
export function schemaKeys(file: string, variable: string): string[] {
  return keysOfShape(
    variableNamed(
      variable,
      sourceFiles().filter(({ fileName }) => fileName === file),
    ),
  );
}

function keysOfShape(declared: ts.VariableDeclaration): string[] {
  const shape = found(`shape of ${declared.name.getText()}`, (node) => (ts.isObjectLiteralExpression(node) ? node : undefined), [declared]);
  return shape.properties.flatMap((property) =>
    ts.isSpreadAssignment(property) ? keysOfShape(variableNamed(property.expression.getText())) : property.name.getText(),
  );
}

/** The texts of a union type such as `'a' | 'b'`, other named unions in it included, or of `(typeof list)[number]`. */
export function unionOf(name: string): string[] {
  const { type } = found(`type ${name}`, (node) => (ts.isTypeAliasDeclaration(node) && node.name.text === name ? node : undefined));
  if (ts.isIndexedAccessTypeNode(type))
    return textsOf(found(`list of ${name}`, (node) => (ts.isTypeQueryNode(node) ? node : undefined), [type]));
  return (ts.isUnionTypeNode(type) ? [...type.types] : [type]).flatMap((one) => {
    if (ts.isTypeReferenceNode(one)) return unionOf(one.typeName.getText());
    return ts.isLiteralTypeNode(one) && ts.isStringLiteral(one.literal) ? [one.literal.text] : [];
  });
}

/** Of a list that a type is taken from. */
function textsOf({ exprName }: ts.TypeQueryNode): string[] {
  const list = variableNamed(exprName.getText());
  const { elements } = found(`list ${exprName.getText()}`, (node) => (ts.isArrayLiteralExpression(node) ? node : undefined), [list]);
  return elements.flatMap((element) => (ts.isStringLiteral(element) ? [element.text] : []));
}
