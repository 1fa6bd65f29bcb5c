// What a browser loads has a budget.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET = { raw: 120_000, gzipped: 45_000 };
const files = ['index.html', 'page.js', 'page.css'].map((name) => readFileSync(`${import.meta.dirname}/dist/${name}`));
const sizes = {
    raw: files.reduce((sum, file) => sum + file.length, 0),
    gzipped: files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0),
};
for (const [kind, bytes] of Object.entries(sizes)) {
    console.log(`${kind}: ${bytes} of ${BUDGET[kind]} bytes`);
    if (bytes > BUDGET[kind]) process.exitCode = 1;
}
