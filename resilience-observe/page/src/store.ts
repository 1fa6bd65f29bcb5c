// What is known, and how it is kept current: one load, then the stream, and both again when the stream is lost.
import { type Signal, batch, computed, signal } from '@preact/signals';
import { Problem, get, stream, token } from './api';
import { type Policy, idOf } from './model';
import { type Message, read } from './stream';
import { type Happened, type Hello, type Moment, type Row, type Sample, happening, policy, sampled } from './wire';
import { said, shownName } from './words';

export interface Layer {
    kind: string;
    policy: string | null;
    shared_by: number;
    /** As it was written. */
    text: string;
}

export interface Operation {
    name: string;
    file: string;
    line: number;
    layers: Layer[];
    fallbacks: { asked: number; answered: number; failed: number } | null;
    /** Of its fallback: asked, and failed. */
    perSecond: number;
    failedPerSecond: number;
}

export interface Health {
    status: 'up' | 'degraded' | 'down';
    reasons: { status: 'degraded' | 'down'; kind: string; name: string; key: string | null; why: string }[];
    more: number;
}

export interface Advice {
    kind: string | null;
    name: string | null;
    rule: string;
    text: string;
    help: string;
}

export type Link =
    | { is: 'connecting' | 'live' }
    /** `because`: the one that was shown is not it. */
    | { is: 'wants a token'; because: string | null }
    /** Nothing is heard; the next attempt is made at that time of this browser. */
    | { is: 'lost'; because: string; next: number };

/** By `idOf`. Each policy is a signal of its own, so that a row is drawn again when its own numbers change. */
export const policies = signal<ReadonlyMap<string, Signal<Policy>>>(new Map());
export const operations = signal<Operation[]>([]);
export const health = signal<Health | null>(null);
export const advice = signal<Advice[]>([]);
export const journal = signal<Happened[]>([]);
export const hello = signal<Hello | null>(null);
export const connection = signal<Link>({ is: 'connecting' });
/** Goes up with each sample: whatever is drawn of many policies at once follows this. */
export const tick = signal(0);
/** When something was last heard, by this browser's clock. */
export const heardAt = signal(Date.now());
/** This browser's clock, once a second. */
export const here = signal(Date.now());
/** How far the server's clock is ahead. */
const ahead = signal(0);
export const now = computed(() => here.value + ahead.value);
/** Whether anybody may steer; `null` before that is known. */
export const canSteer = computed(() => hello.value?.steering ?? null);
/** For those who hear the page instead of seeing it. */
export const announced = signal('');

setInterval(() => (here.value = Date.now()), 1000);

/** What arrives while the page is paused. */
let waiting: Message[] = [];
export const pausedAt = signal<number | null>(null);

export function pause(): void {
    if (pausedAt.value === null) {
        pausedAt.value = now.value;
    } else {
        pausedAt.value = null;
        const missed = waiting;
        waiting = [];
        batch(() => missed.forEach(hear));
    }
}

const KEPT = 4096;
/** The newest sample of all rows is enough to catch up with. */
const SAMPLES_WAITING = 300;
/** The server says something every ten seconds, also when nothing happens. */
const SILENCE = 15_000;

/** As the server has told them. */
const rows = new Map<string, Row>();

function meet(told: Iterable<Row>, { time }: Moment): void {
    const moment = Date.parse(time);
    batch(() => {
        ahead.value = moment - Date.now();
        const known = new Map(policies.value);
        for (const row of told) {
            const one = policy(row, moment);
            if (one === null) continue;
            rows.set(idOf(one), row);
            const before = known.get(idOf(one));
            if (before) before.value = one;
            else known.set(idOf(one), signal(one));
        }
        if (known.size !== policies.value.size) policies.value = known;
        tick.value += 1;
    });
}

function* changes(sample: Sample): Iterable<Row> {
    for (const { kind, name, change } of sampled(sample, hello.value?.columns ?? {})) {
        const row = rows.get(idOf({ kind, name }));
        if (row) yield change(row);
        else policiesSoon();
    }
}

async function loadPolicies(): Promise<void> {
    const { at, policies: told } = await get<{ at: Moment; policies: Row[] }>('api/v1/policies?limit=10000');
    if (pausedAt.value !== null) return;
    const moment = Date.parse(at.time);
    meet(told.map((row) => ({ ...row, since: moment - row.age * 1000 })), at);
}

async function loadHealth(): Promise<void> {
    const said = await get<Health>('health');
    if (pausedAt.value === null) health.value = said;
}

async function loadAdvice(): Promise<void> {
    const { advice: said } = await get<{ advice: Advice[] }>('api/v1/advice');
    if (pausedAt.value === null) advice.value = said;
}

let countedAt = 0;

async function loadOperations(): Promise<void> {
    const { operations: said } = await get<{ operations: Operation[] }>('api/v1/operations');
    if (pausedAt.value !== null) return;
    const before = new Map(operations.value.map((one) => [one.name, one]));
    const seconds = (Date.now() - countedAt) / 1000;
    countedAt = Date.now();
    const grown = (now: number, then: number | undefined) => (then === undefined || now < then ? 0 : (now - then) / seconds);
    operations.value = said.map((one) => {
        const then = before.get(one.name);
        return { ...one, perSecond: grown(one.fallbacks?.asked ?? 0, then?.fallbacks?.asked), failedPerSecond: grown(one.fallbacks?.failed ?? 0, then?.fallbacks?.failed) };
    });
}

/** Asked again soon, once for all that want it. */
function soon(load: () => Promise<void>, delay: number): () => void {
    let timer: number | undefined;
    return () => {
        timer ??= setTimeout(() => {
            timer = undefined;
            // The stream says when the server is gone.
            void load().catch(() => undefined);
        }, delay);
    };
}

const policiesSoon = soon(loadPolicies, 100);
const healthSoon = soon(loadHealth, 100);
const operationsSoon = soon(loadOperations, 100);

function record(happened: Happened[]): void {
    const known = new Set(journal.value.map(({ id }) => id));
    const added = happened.filter(({ id }) => id === null || !known.has(id));
    if (added.length === 0) return;
    journal.value = [...journal.value, ...added].sort((a, b) => a.at - b.at || (a.id ?? 0) - (b.id ?? 0)).slice(-KEPT);
}

/** What changes what calls get. The rest is told by numbers. */
const ANNOUNCED = ['transition', 'steered', 'reconfigured', 'config_refused'];

function announce(happened: Happened): void {
    if (ANNOUNCED.includes(happened.type)) announced.value = `${shownName(happened)}: ${said(happened)}`;
}

let lastId: string | null = null;

function hear(message: Message): void {
    if (message.id !== null) lastId = message.id;
    if (message.data === '') return;
    if (pausedAt.value !== null && message.event !== 'hello') {
        waiting.push(message);
        const samples = waiting.filter(({ event }) => event === 'sample');
        if (samples.length > SAMPLES_WAITING) waiting.splice(waiting.indexOf(samples[0]!), 1);
        if (waiting.length > KEPT) waiting.shift();
        return;
    }
    const data = JSON.parse(message.data) as Record<string, unknown>;
    switch (message.event) {
        case 'hello':
            hello.value = data as unknown as Hello;
            break;
        case 'sample':
            meet(changes(data as unknown as Sample), data.at as Moment);
            break;
        case 'gap':
            policiesSoon();
            break;
        default: {
            const happened = happening({ type: message.event, ...data }, message.id === null ? null : Number(message.id));
            batch(() => {
                record([happened]);
                announce(happened);
            });
            policiesSoon();
            healthSoon();
        }
    }
}

let attempt: AbortController | null = null;
let wake: (() => void) | null = null;
let shown: (() => void) | null = null;

/** Tries that token. */
export function show(one: string): void {
    token.value = one;
    shown?.();
}

/** Does not wait for the next attempt. */
export function retryNow(): void {
    wake?.();
}

export async function connect(): Promise<never> {
    for (let failures = 0; ; failures += 1) {
        attempt = new AbortController();
        let because = 'the server has ended the stream';
        try {
            await Promise.all([loadPolicies(), loadOperations(), loadHealth()]);
            const { events } = await get<{ events: Record<string, unknown>[] }>(`api/v1/events?limit=${KEPT}`);
            record(events.map((event) => happening(event, null)));
            const response = await stream('api/v1/stream?sample=1', lastId, attempt.signal);
            failures = 0;
            connection.value = { is: 'live' };
            heardAt.value = Date.now();
            await read(response, SILENCE, (message) => {
                heardAt.value = Date.now();
                hear(message);
            });
        } catch (error) {
            if (error instanceof Problem && error.status === 401) {
                connection.value = { is: 'wants a token', because: token.value ? error.message : null };
                token.value = '';
                await new Promise<void>((resolve) => (shown = resolve));
                continue;
            }
            because = error instanceof Problem ? error.message : 'the server does not answer';
        } finally {
            attempt.abort();
        }
        const delay = Math.min(1000 * 2 ** failures, 10_000);
        connection.value = { is: 'lost', because, next: Date.now() + delay };
        await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, delay);
            wake = () => {
                clearTimeout(timer);
                resolve();
            };
        });
    }
}

// What no message tells of: the time to the next probe, keys, checks of health that are the program's own.
setInterval(() => {
    if (connection.value.is !== 'live' || document.hidden) return;
    policiesSoon();
    healthSoon();
    operationsSoon();
}, 5000);
setInterval(() => void loadAdvice().catch(() => undefined), 15_000);
export { loadAdvice };
