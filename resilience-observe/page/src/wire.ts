// What the server answers, and what the page makes of it: the one place that knows the names of its fields.
import { type Kind, type Policy, type State, isKind } from './model';
import { count, plural, span } from './format';

export interface Hello {
    instance: string;
    started: Moment;
    /** What stands in a row of a sample, by kind: each the path of a number in a row of the table. */
    columns: Record<string, string[]>;
    /** Whether anybody may steer. */
    steering: boolean;
}

/** Once a second: a row for each policy of which something has changed. */
export interface Sample {
    at: Moment;
    rows: Record<string, unknown[][]>;
}

/** As a clock on the wall shows it. */
export interface Moment {
    time: string;
}

/** The snapshot of a policy, without what only its panel shows. Lengths of time are in seconds. */
export interface Row {
    kind: string;
    name: string;
    rate: Record<string, number> | null;
    /** In its state. */
    age: number;
    /** When it came into its state, which no sample tells anew. */
    since?: number;
    keys?: { held: number; not_closed: number } | null;
    functions?: string[];
    critical?: boolean;
    // Of a circuit breaker.
    state?: State;
    decided?: State;
    reason_in_words?: string | null;
    probe_due_in?: number | null;
    enforced_percent?: number;
    window?: { calls: number; failures: number; slow: number } | null;
    latency?: { p50: number | null; p99: number | null } | null;
    // Of the others.
    attempts?: number;
    budget?: number | null;
    after?: number;
    inside?: number;
    waiting?: number;
    max_concurrent?: number;
    max_queue?: number;
    rate_limit?: number;
    per?: number;
    available?: number;
}

export function policy(row: Row, at: number): Policy | null {
    if (!isKind(row.kind)) return null;
    const per = row.rate ?? {};
    return {
        kind: row.kind,
        name: row.name,
        state: row.state ?? null,
        decided: row.decided ?? null,
        since: row.since ?? at,
        reason: row.reason_in_words ?? null,
        probeDue: typeof row.probe_due_in === 'number' ? at + row.probe_due_in * 1000 : null,
        enforcedPercent: row.enforced_percent ?? 100,
        window: row.window ?? null,
        rate: per,
        latency: row.latency ?? null,
        keys: row.keys ? { held: row.keys.held, notClosed: row.keys.not_closed } : null,
        words: words(row.kind, row),
        functions: row.functions ?? [],
        critical: row.critical ?? false,
        strained: row.kind !== 'circuit_breaker' && (per.rejected ?? per.timed_out ?? 0) > 0,
    };
}

function words(kind: Kind, row: Row): string {
    switch (kind) {
        case 'bulkhead': {
            const queue = row.max_queue ? `, ${count(row.waiting ?? 0)} of ${count(row.max_queue)} waiting` : '';
            return `${count(row.inside ?? 0)} of ${count(row.max_concurrent ?? 0)} inside${queue}`;
        }
        case 'rate_limit': return `${count(row.available ?? 0)} more calls may come now${row.waiting ? `, ${count(row.waiting)} wait` : ''}`;
        case 'timeout': return row.after === undefined ? '' : `${span(row.after)} at most`;
        case 'retry': return `${plural(row.attempts ?? 0, 'attempt')} at most`;
        case 'circuit_breaker': return '';
    }
}

/** Something that happened, as the journal tells it. */
export interface Happened {
    /** In the journal. */
    readonly id: number | null;
    readonly type: string;
    /** In the server's milliseconds. */
    readonly at: number;
    readonly kind: string;
    readonly name: string;
    readonly key: string | null;
    readonly text: string;
    readonly told: Record<string, unknown>;
}

export function happening(told: Record<string, unknown>, id: number | null): Happened {
    const type = String(told.type ?? '');
    const at = told.at as Moment;
    return {
        id: id ?? (typeof told.id === 'number' ? told.id : null),
        type,
        at: Date.parse(at.time),
        kind: String(told.kind ?? ''),
        name: String(told.name ?? told.source ?? ''),
        key: typeof told.key === 'string' ? told.key : null,
        text: String(told.text ?? type),
        told,
    };
}

/** The past of a policy, a column for each thing that is counted; `null` where nobody has looked. */
export interface Series {
    readonly step: number;
    /** Seconds since 1970, at the end of each step. */
    readonly t: readonly number[];
    readonly state: readonly (State | null)[];
    readonly of: Readonly<Record<string, readonly (number | null)[]>>;
}

/** What the history of a policy is answered with. */
export interface History {
    step: number;
    /** When each row ends, in seconds since 1970. */
    time: number[];
    /** Of a circuit breaker. */
    state?: (State | null)[];
    /** `null` where nobody has looked. */
    columns: Record<string, (number | null)[]>;
}

export const nothing = (step: number): Series => ({ step, t: [], state: [], of: {} });

/** What is there at a moment, and is no sum. */
const MOMENTARY = ['p50', 'p99', 'inside', 'waiting'];

export function series({ step, time, state, columns }: History): Series {
    const of: Record<string, (number | null)[]> = {};
    for (const [name, column] of Object.entries(columns)) {
        // What is counted is told a second.
        const scale = MOMENTARY.includes(name) ? 1 : step;
        of[name] = column.map((value) => (value === null ? null : value / scale));
    }
    return { step, t: time, state: state ?? time.map(() => null), of };
}

/** One step more. */
export function continued({ step, t, state, of }: Series, moment: number, policy: Policy, keep: number): Series {
    if (t.length > 0 && t[t.length - 1]! >= moment) return { step, t, state, of };
    const first = t.findIndex((time) => time > moment - keep);
    const from = first < 0 ? t.length : first;
    const next: Record<string, (number | null)[]> = {};
    const said: Record<string, number | null> = { ...policy.rate, p50: policy.latency?.p50 ?? null, p99: policy.latency?.p99 ?? null };
    for (const column of new Set([...Object.keys(of), ...Object.keys(said)])) {
        const before = of[column] ?? t.map(() => null);
        next[column] = [...before.slice(from), said[column] ?? null];
    }
    return { step, t: [...t.slice(from), moment], state: [...state.slice(from), policy.state], of: next };
}


/** What a sample says, by the policy that it is said of. */
export function* sampled({ rows }: Sample, columns: Hello['columns']): Iterable<{ kind: string; name: string; change: (row: Row) => Row }> {
    for (const [kind, ofKind] of Object.entries(rows)) {
        const paths = columns[kind] ?? [];
        for (const cells of ofKind) {
            const name = String(cells[paths.indexOf('name')]);
            yield { kind, name, change: (row) => paths.reduce((row, path, nth) => changed(row, path.split('.'), cells[nth]), row) };
        }
    }
}

function changed<T extends object>(row: T, [first = '', ...rest]: string[], value: unknown): T {
    if (rest.length === 0) return { ...row, [first]: value };
    const inner = (row as Record<string, unknown>)[first];
    // Of a policy without keys, each number of its keys is `null`.
    if (value === null && (inner === null || inner === undefined)) return row;
    return { ...row, [first]: changed((inner ?? {}) as object, rest, value) };
}
