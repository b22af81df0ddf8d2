/** What the tests look at in a page of Markdown. */
export interface Fence {
  readonly lang: string;
  /** From `title="..."` behind the language: the block is a whole file of that name. */
  readonly title: string | undefined;
  readonly code: string;
  /** Of the first line of code, from 1. */
  readonly line: number;
  /** The next block of `text` before another of this language: what the program prints. */
  readonly output: string | undefined;
}

type RawFence = Omit<Fence, 'output'>;

export function fencesOf(page: string): Fence[] {
  const raw = rawFences(page.split('\n'));
  return raw
    .map((fence, index) => ({ ...fence, output: raw.slice(index + 1).find(({ lang }) => lang === 'text' || lang === fence.lang) }))
    .map(({ output, ...fence }) => ({ ...fence, output: output?.lang === 'text' ? output.code : undefined }));
}

function rawFences(lines: readonly string[]): RawFence[] {
  const fences: RawFence[] = [];
  for (let index = 0; index < lines.length; index++) {
    const opened = /^```(\w+)(?: title="([^"]+)")?$/.exec(lines[index] ?? '');
    if (opened === null) continue;
    const end = lines.indexOf('```', index + 1);
    const code = lines.slice(index + 1, end).join('\n');
    fences.push({ lang: opened[1] ?? '', title: opened[2], code, line: index + 2 });
    index = end;
  }
  return fences;
}

/** The rows, without the head, of the table that follows the comment `<!-- table: name -->`; the cells of a row by column. */
export function tableOf(page: string, name: string): Record<string, string>[] {
  const at = page.indexOf(`<!-- table: ${name} -->`);
  if (at < 0) throw new Error(`no table '${name}' in the page: put <!-- table: ${name} --> before it`);
  const lines = page.slice(at).split('\n').slice(1);
  const first = lines.findIndex((line) => line.startsWith('|'));
  const after = lines.findIndex((line, index) => index > first && !line.startsWith('|'));
  const [head = [], , ...rows] = lines.slice(first, after).map(cellsOf);
  return rows.map((cells) => Object.fromEntries(head.map((column, index) => [column, cells[index] ?? ''])));
}

/** What the first column names: the texts between backquotes at the beginning of each of its cells. */
export function keysOf(rows: readonly Record<string, string>[]): string[] {
  return rows.map((row) => /^`([^`]+)`/.exec(Object.values(row)[0] ?? '')?.[1] ?? `no name in: ${Object.values(row)[0] ?? ''}`);
}

export function tableNames(page: string): string[] {
  return [...page.matchAll(/<!-- table: (.+?) -->/g)].map((match) => match[1] ?? '');
}

/** Anchors as the big forges make them of headings. */
export function anchorsOf(page: string): Set<string> {
  const headings = page.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm);
  return new Set(
    Array.from(headings, ([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Targets of links, without those inside code. */
export function linksOf(page: string): string[] {
  const prose = page.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), (match) => match[1] ?? '');
}

function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}
