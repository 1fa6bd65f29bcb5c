// Questions to the server. Every address is relative to where the script came from, so that the page works below any prefix.
import { signal } from '@preact/signals';

const ROOT = new URL('../', import.meta.url);

/** What the server has accepted, or is about to be asked with. Kept by this tab alone, until it is closed or loaded again. */
export const token = signal('');

/** What the server said in place of an answer. */
export class Problem extends Error {
    constructor(
        readonly status: number,
        message: string,
    ) {
        super(message);
    }
}

async function ask(path: string, init: RequestInit, shown = token.value): Promise<Response> {
    const headers = new Headers(init.headers);
    if (shown) headers.set('Authorization', `Bearer ${shown}`);
    const response = await fetch(new URL(path, ROOT), { ...init, headers, cache: 'no-store', credentials: 'same-origin' });
    // A health that is down is an answer.
    if (response.ok || (path === 'health' && response.status === 503)) return response;
    const text = await response.text();
    let title = text.trim();
    try {
        const { title: said, detail } = JSON.parse(text) as { title?: string; detail?: string };
        title = [said, detail].filter(Boolean).join(': ');
    } catch {
        // Not one of ours, such as a proxy's.
    }
    throw new Problem(response.status, title.slice(0, 300) || `the server answered ${response.status}`);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await (await ask(path, signal ? { signal } : {})).json()) as T;
}

export const stream = (path: string, after: string | null, signal: AbortSignal): Promise<Response> =>
    ask(path, { signal, headers: { Accept: 'text/event-stream', ...(after === null ? {} : { 'Last-Event-ID': after }) } });

export async function post<T>(path: string, body: unknown, shown: string): Promise<T> {
    const headers = { 'Content-Type': 'application/json' };
    return (await (await ask(path, { method: 'POST', headers, body: JSON.stringify(body) }, shown)).json()) as T;
}

export const below = ({ kind, name }: { kind: string; name: string }, what = ''): string =>
    `api/v1/${kind}/${encodeURIComponent(name)}${what}`;
