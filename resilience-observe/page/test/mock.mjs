// A server that answers as the crate does and plays an outage of `payment`, so that the page can be looked at, and tested with what no storefront has: hostile names,
// thousands of policies, a stream that breaks. By itself: `node test/mock.mjs PORT`.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const DIST = new URL('../dist/', import.meta.url);
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { js: 'text/javascript', css: 'text/css' };
export const TOKEN = 'a token of the tests';

const moment = (milliseconds) => ({ time: new Date(milliseconds).toISOString(), monotonic: milliseconds / 1000 });
const setting = (key, value, source = { type: 'default' }) => ({ key, value, source });
const written = { type: 'attribute', file: 'src/shop.rs', line: 41 };
const breaker = (name, more = {}) => ({
    kind: 'circuit_breaker', name, key: null, state: 'closed', decided: 'closed', age: 11523.4,
    totals: { successes: 9120, failures: 431, slow: 14, ignored: 0, cancelled: 3, abandoned: 0, panicked: 0, stale: 2, rejected: 812, would_reject: 0 },
    window: { calls: 100, failures: 0, slow: 0, slow_of: 100, abandoned: 0 }, consecutive_failures: 0, reason: null, reason_in_words: null,
    latency: { p50: 0.012, p95: 0.04, p99: 0.075 },
    probe_due_in: null, enforced_percent: 100, reopenings: 0, probes: null, keys: null, functions: [`shop::${name}`], critical: false,
    rate: { calls: 49.8, failures: 0, rejected: 0, would_reject: 0, slow: 0, evicted: 0, fallbacks: 0 }, ...more,
});

function program({ hostile = [], many = 0 }) {
    const layer = (kind, policy, text, shared_by = 1) => ({ kind, policy, shared_by, text, written: [] });
    const policies = [
        breaker('payment', { critical: true }),
        breaker('shipping'),
        breaker('stock', { state: 'open', keys: { held: 64, not_closed: 3, evicted: 0, overflowed: 0 } }),
        breaker('email', { state: 'monitoring', decided: 'open', reason_in_words: '41 of 60 calls failed', window: { calls: 60, failures: 41, slow: 0 }, rate: { calls: 3, failures: 2.1, rejected: 0, would_reject: 1.2, slow: 0, fallbacks: 0 } }),
        { kind: 'bulkhead', name: 'stock', key: null, max_concurrent: 20, max_queue: 50, max_wait: 1, inside: 18, waiting: 7, keys: null, functions: ['shop::stock'], rate: { admitted: 31.2, rejected: 0, evicted: 0 } },
        { kind: 'rate_limit', name: 'stock', key: null, per: 1, burst: 500, available: 469, waiting: 0, keys: null, functions: ['shop::stock'], rate: { allowed: 31.2, rejected: 0, evicted: 0 } },
        { kind: 'timeout', name: 'payment', after: 0.25, timed_out: 3, functions: ['shop::payment'], rate: { timed_out: 0 } },
        { kind: 'retry', name: 'stock', attempts: 3, budget: 10, functions: ['shop::stock'], rate: { retries: 0.4, recovered: 0.4 } },
        ...hostile.map((name) => breaker(name)),
        ...Array.from({ length: many }, (_, nth) => breaker(`service ${String(nth).padStart(4, '0')}`)),
    ];
    const operation = (name, line, layers, fallbacks = null) => ({ name, module: 'shop', function: name, file: 'src/shop.rs', line, layers, fallbacks });
    const operations = [
        operation('shop::payment', 41, [layer('circuit_breaker', 'payment', 'circuit_breaker payment', 2), layer('timeout', 'payment', 'timeout 250ms'), layer('fallback', null, 'fallback(queue_payment)')], { asked: 812, answered: 812, failed: 0 }),
        operation('shop::collect', 66, [layer('circuit_breaker', 'payment', 'circuit_breaker payment', 2)]),
        operation('shop::stock', 77, [layer('retry', 'stock', 'retry'), layer('circuit_breaker', 'stock', 'circuit_breaker'), layer('bulkhead', 'stock', 'bulkhead'), layer('rate_limit', 'stock', 'rate_limit')]),
        ...hostile.map((name, nth) => operation(`shop::${name}`, 100 + nth, [layer('circuit_breaker', name, name)])),
    ];
    return { policies, operations };
}

/** What stands in the row of a sample. */
const COLUMNS = {
    circuit_breaker: ['name', 'state', 'decided', 'probe_due_in', 'enforced_percent', 'window.calls', 'window.failures', 'rate.calls', 'rate.failures', 'rate.rejected', 'rate.would_reject', 'rate.fallbacks', 'latency.p50', 'latency.p99', 'keys.held', 'keys.not_closed'],
    retry: ['name', 'rate.retries', 'rate.recovered'],
    timeout: ['name', 'rate.timed_out'],
    bulkhead: ['name', 'inside', 'waiting', 'rate.admitted', 'rate.rejected'],
    rate_limit: ['name', 'available', 'waiting', 'rate.allowed', 'rate.rejected'],
};

function sample(policies) {
    const cells = (policy) => COLUMNS[policy.kind].map((path) => path.split('.').reduce((value, word) => value?.[word], policy) ?? null);
    const rows = Object.fromEntries(Object.keys(COLUMNS).map((kind) => [kind, policies.filter((policy) => policy.kind === kind).map(cells)]));
    return { at: moment(Date.now()), all: true, rows };
}

export async function mock({ port = 0, hostile = [], many = 0, steering = true, isPrivate = false, openAfter = Infinity } = {}) {
    const start = Date.now();
    const { policies, operations } = program({ hostile, many });
    let since = start;
    const payment = policies[0];
    const journal = [];
    const streams = new Set();
    const send = (stream, event, data, id) => stream.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    const tell = (type, told, at = Date.now(), name = 'payment') => {
        const event = { type, kind: 'circuit_breaker', name, key: null, at: moment(at), id: journal.length + 1, ...told };
        event.text = `${event.kind} \`${name}\`: ${told.text}`;
        journal.push(event);
        for (const stream of streams) send(stream, type, event, event.id);
    };
    const enter = (state, reason, at = Date.now()) => {
        tell('transition', { from: payment.state, to: state, monitored: false, cause: null, text: `${payment.state} -> ${state}${reason ? ` (${reason})` : ''}` }, at);
        since = at;
        Object.assign(payment, { state, decided: state, reason_in_words: reason, probe_due_in: state === 'open' ? 30 : null });
        const isOpen = state === 'open' || state === 'forced_open';
        payment.window = { ...payment.window, failures: isOpen ? 55 : 0 };
        payment.rate = { ...payment.rate, rejected: isOpen ? 49.8 : 0, fallbacks: isOpen ? 49.8 : 0, failures: 0 };
    };

    // Before the page is opened.
    enter('open', '55 of 100 calls failed', start - 150_000);
    enter('half_open', null, start - 120_000);
    enter('open', '2 probes failed', start - 119_000);
    tell('repeated', { topic: 'rejected', count: 1494, text: 'rejected, 1494 times' }, start - 118_000);
    enter('half_open', null, start - 89_000);
    enter('closed', null, start - 88_000);
    tell('steered', { act: { type: 'monitor' }, by: { by: 'ada', why: 'roll-out, ticket 4711' }, text: 'monitor by `ada`: roll-out, ticket 4711' }, start - 60_000, 'email');
    for (const name of hostile) tell('transition', { from: 'half_open', to: 'closed', text: `half_open -> closed (${name})` }, start - 30_000, name);

    const stateAt = (at) => {
        let state = 'closed';
        for (const event of journal) if (event.type === 'transition' && event.name === 'payment' && Date.parse(event.at.time) <= at) state = event.to;
        return state;
    };
    const history = ({ kind, name, rate }, step) => {
        const reach = { 1: 300, 10: 360, 60: 720 }[step];
        const end = Math.floor(Date.now() / 1000 / step) * step;
        const time = Array.from({ length: reach }, (_, nth) => end - (reach - 1 - nth) * step);
        const column = (of) => time.map((at, nth) => of(at * 1000, nth));
        if (kind !== 'circuit_breaker') {
            const columns = Object.entries(rate).map(([word, value]) => [word, column((_, nth) => step * value * (1 + 0.2 * Math.sin(nth / 9)))]);
            return { step, time, lost: [], columns: Object.fromEntries(columns) };
        }
        const state = column((at) => (name === 'payment' ? stateAt(at) : 'closed'));
        const calls = column((_, nth) => step * (45 + 8 * Math.sin(nth / 9) + ((nth * 7) % 5)));
        const isRejecting = (nth) => state[nth] === 'open' || state[nth] === 'forced_open';
        const rejected = column((_, nth) => (isRejecting(nth) ? calls[nth] : 0));
        const failures = column((at, nth) => (name === 'payment' && at > start - 158_000 && at < start - 150_000 ? calls[nth] * 0.8 : 0));
        const took = (seconds) => column((_, nth) => (isRejecting(nth) ? null : seconds));
        return { step, time, lost: [], state, columns: { calls, failures, rejected, fallbacks: rejected, slow: column(() => 0), p50: took(0.012), p99: took(0.075) } };
    };
    const openIn = setTimeout(() => enter('open', '55 of 100 calls failed'), Number.isFinite(openAfter) ? openAfter : 2 ** 30);

    const health = () => (payment.state === 'closed'
        ? { status: 'up', reasons: [], more: 0 }
        : { status: 'down', reasons: [{ status: 'down', kind: 'circuit_breaker', name: 'payment', key: null, why: 'is open: 55 of 100 calls failed; a probe is due in 28.5s' }], more: 0 });
    const answered = (fields) => ({ at: moment(Date.now()), instance: 'shop-7f9c', ...fields });
    const whole = (policy) => ({
        ...policy, next_in_words: policy.state === 'open' ? 'rejected: circuit `payment` is open' : 'admitted',
        history: policy.kind === 'circuit_breaker' ? { time: { closed: 11492, open: 31, half_open: 0 }, openings: { failure_rate: 1, probes_failed: 1 }, recoveries: 1, last_recovery: 62 } : undefined,
        settings: [setting('failure_rate', '50', written), setting('window', '10s', written), setting('open_for', '30s'), setting('minimum_calls', '20', { type: 'file', path: 'resilience.toml', line: 7 })],
    });

    function steer(body) {
        const reached = policies.filter(({ kind, name }) => kind === 'circuit_breaker' && (name === body.match || body.match === '*'));
        if (!body.by || !body.why) return [422, { status: 422, title: '`by` and `why` are needed' }];
        if (reached.length === 0) return [404, { status: 404, title: `no circuit_breaker matches \`${body.match}\`` }];
        const after = { force_open: 'forced_open', enforce: 'closed', reset: 'closed', monitor: 'monitoring', disable: 'disabled' }[body.act] ?? 'closed';
        const before = reached.map(({ state }) => state);
        if (!body.dry_run) {
            enter(after, after === 'forced_open' ? 'forced open' : null);
            tell('steered', { act: { type: body.act }, by: { by: body.by, why: body.why }, text: `${body.act} by \`${body.by}\`: ${body.why}` });
        }
        return [200, { reached: reached.map(({ kind, name }, nth) => ({ kind, name, key: null, before: before[nth], after: body.dry_run ? null : after })), event_ids: [] }];
    }

    async function answer(request, response) {
        const { pathname, searchParams } = new URL(request.url, 'http://mock');
        const parts = pathname.split('/').slice(1).map(decodeURIComponent);
        const json = (status, value) => response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(value));
        response.setHeader('content-security-policy', CSP);
        if (pathname === '/') {
            const page = (await readFile(new URL('index.html', DIST), 'utf8')).replaceAll('{{root}}', '');
            return response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
        }
        if (parts[0] === 'assets') {
            const [, kind] = /^page-[0-9a-f]+\.(js|css)$/.exec(parts[1]);
            return response.writeHead(200, { 'content-type': TYPES[kind] }).end(await readFile(new URL(`page.${kind}`, DIST)));
        }
        const { authorization } = request.headers;
        if (authorization !== undefined ? authorization !== `Bearer ${TOKEN}` : isPrivate) return json(401, { status: 401, title: authorization ? 'this is not the token' : 'a token is wanted' });
        if (pathname === '/health') return json(payment.state === 'closed' ? 200 : 503, health());
        const [, , kind, name, what] = parts;
        switch (kind) {
            case 'operations': return json(200, answered({ operations }));
            case 'policies':
                payment.age = (Date.now() - since) / 1000;
                return json(200, answered({ policies, more: 0 }));
            case 'advice': return json(200, answered({ advice: [{ rule: 'ready_to_enforce', kind: 'circuit_breaker', name: 'email', text: 'it has only monitored for 3 days, and would have rejected 412 calls', help: 'write `mode = "enforce"`, or enforce a share first' }] }));
            case 'events': return json(200, answered({ first: 1, last: journal.length, missed: 0, reached: journal.length, events: journal }));
            case 'steer': {
                let body = '';
                for await (const part of request) body += part;
                if (!steering) return json(403, { status: 403, title: 'steering is off; give the router a token' });
                if (authorization === undefined) return json(401, { status: 401, title: 'a token is wanted' });
                return json(...steer(JSON.parse(body)));
            }
            case 'stream': {
                response.writeHead(200, { 'content-type': 'text/event-stream' });
                send(response, 'hello', { instance: 'shop-7f9c', started: moment(start - 11_523_400), first: 1, last: journal.length, columns: COLUMNS, steering });
                const after = Number(request.headers['last-event-id'] ?? journal.length);
                for (const event of journal.slice(after)) send(response, event.type, event, event.id);
                streams.add(response);
                response.on('close', () => streams.delete(response));
                return undefined;
            }
        }
        const policy = policies.find((policy) => policy.kind === kind && policy.name === name);
        if (!policy) return json(404, { status: 404, title: `no ${kind} is called \`${name}\`` });
        if (what === undefined) return json(200, answered({ policy: whole(policy) }));
        if (what === 'history') return json(200, answered(history(policy, Number(searchParams.get('step') ?? 1))));
        if (what === 'keys') return json(200, answered({ keys: [7, 8, 9].map((key) => ({ ...breaker(name), key: String(key), state: key < 9 ? 'open' : 'closed', reason_in_words: '3 consecutive failures' })), more: 0 }));
        return json(404, { status: 404, title: 'there is no such path' });
    }

    const ticking = setInterval(() => {
        for (const stream of streams) send(stream, 'sample', sample(policies));
    }, 1000);
    const server = createServer((request, response) => {
        answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
    });
    const listen = (at) => new Promise((resolve, reject) => server.once('error', reject).listen(at, '127.0.0.1', resolve));
    await listen(port);
    const address = server.address();
    const hangUp = () => new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
    });
    return {
        url: `http://127.0.0.1:${address.port}/`,
        enter,
        /** Gone for a while. */
        hangUp,
        comeBack: () => listen(address.port),
        close: async () => {
            clearInterval(ticking);
            clearTimeout(openIn);
            if (server.listening) await hangUp();
        },
    };
}

if (process.argv[1] === import.meta.filename && process.argv[2]) {
    const { url } = await mock({ port: Number(process.argv[2]), openAfter: 20_000, hostile: ['<img src=x onerror=alert(1)>'] });
    console.log(url, '– the token is:', TOKEN);
}
