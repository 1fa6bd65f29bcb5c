// Events are read the same, wherever the network cuts them.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { transform } from 'esbuild';

const source = await readFile(new URL('../src/stream.ts', import.meta.url), 'utf8');
const { code } = await transform(source, { loader: 'ts' });
const { parser } = await import(`data:text/javascript,${encodeURIComponent(code)}`);

const STREAM = ': still here\n\nevent: transition\nid: 7\ndata: {"a":1}\n\nretry: 2000\r\n\r\ndata:one\ndata: two\r\n\r\ndata\n\n';
const EXPECTED = [
    { event: 'message', id: null, data: '' },
    { event: 'transition', id: '7', data: '{"a":1}' },
    { event: 'message', id: null, data: '' },
    { event: 'message', id: null, data: 'one\ntwo' },
    { event: 'message', id: null, data: '' },
];

test('in one piece, and cut at every place', () => {
    for (let cut = 0; cut <= STREAM.length; cut += 1) {
        const heard = [];
        const parse = parser((message) => heard.push(message));
        parse(STREAM.slice(0, cut));
        parse(STREAM.slice(cut));
        assert.deepEqual(heard, EXPECTED, `cut at ${cut}`);
    }
});

test('byte by byte', () => {
    const heard = [];
    const parse = parser((message) => heard.push(message));
    for (const character of STREAM) parse(character);
    assert.deepEqual(heard, EXPECTED);
});
