// Bundles the page into `dist/`, which is what the crate serves: a page, a script, a style sheet, and whose work is in them.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';

process.chdir(import.meta.dirname);
await rm('dist', { recursive: true, force: true });
await mkdir('dist');
await build({
    entryPoints: { page: 'src/main.tsx' },
    outdir: 'dist',
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome123', 'firefox128', 'safari17.5'],
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
});

// The names that a browser asks for change with what is in the files, so it may keep them for good.
let page = await readFile('src/index.html', 'utf8');
for (const kind of ['js', 'css']) {
    const hash = createHash('sha256').update(await readFile(`dist/page.${kind}`)).digest('hex').slice(0, 12);
    page = page.replace(`{{${kind}}}`, hash);
}
await writeFile('dist/index.html', page);

const { dependencies } = JSON.parse(await readFile('package.json', 'utf8'));
// What those bring along and is bundled, too.
const bundled = [...Object.keys(dependencies), '@preact/signals-core'].sort();
const licenses = await Promise.all(
    bundled.map(async (name) => {
        const { version } = JSON.parse(await readFile(`node_modules/${name}/package.json`, 'utf8'));
        return `${name} ${version}\n\n${(await readFile(`node_modules/${name}/LICENSE`, 'utf8')).trim()}\n`;
    }),
);
await writeFile('dist/LICENSES.txt', `page.js and page.css contain the work of others:\n\n${licenses.join('\n---\n\n')}`);
