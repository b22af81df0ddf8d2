import { writeFileSync } from 'node:fs';
import { exportsFile, readExportLists } from './export-list.js';

writeFileSync(exportsFile, `${JSON.stringify(readExportLists(), undefined, 2)}\n`);
