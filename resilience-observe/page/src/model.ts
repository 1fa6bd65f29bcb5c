// What the page knows of a policy, and which of two policies is worse.

export type State = 'closed' | 'open' | 'half_open' | 'forced_open' | 'disabled' | 'monitoring';

export type Kind = 'circuit_breaker' | 'retry' | 'timeout' | 'bulkhead' | 'rate_limit';

export interface Policy {
    readonly kind: Kind;
    readonly name: string;
    /** Of a circuit breaker. */
    readonly state: State | null;
    /** What one that only monitors would do. */
    readonly decided: State | null;
    /** When it came into its state, in the server's milliseconds. */
    readonly since: number;
    readonly reason: string | null;
    readonly probeDue: number | null;
    readonly enforcedPercent: number;
    readonly window: { calls: number; failures: number; slow: number } | null;
    /** A second, by what is counted. */
    readonly rate: Readonly<Record<string, number>>;
    /** Of the calls of the last second, in seconds. */
    readonly latency: { p50: number | null; p99: number | null } | null;
    readonly keys: { held: number; notClosed: number } | null;
    /** What a policy of another kind says of itself in a few words. */
    readonly words: string;
    /** The guarded functions that it is around. */
    readonly functions: readonly string[];
    readonly critical: boolean;
    /** It holds calls up, or turns them away, right now. */
    readonly strained: boolean;
}

export interface Id {
    readonly kind: Kind;
    readonly name: string;
}

export const idOf = ({ kind, name }: { kind: string; name: string }): string => `${kind}/${name}`;

export const STATES: Record<State, string> = {
    open: 'open',
    half_open: 'half-open',
    forced_open: 'forced open',
    closed: 'closed',
    monitoring: 'monitoring',
    disabled: 'disabled',
};

/** What a state does to calls, for who does not know the words of circuit breakers. */
export const MEANING: Record<State, string> = {
    open: 'rejects calls until the next probe',
    half_open: 'lets a few calls through to see whether they succeed',
    forced_open: 'rejects every call until somebody ends it',
    closed: 'lets calls through',
    monitoring: 'lets calls through and records what it would have rejected',
    disabled: 'lets calls through and counts nothing',
};

export const KINDS: Record<Kind, string> = {
    circuit_breaker: 'circuit breaker',
    retry: 'retry',
    timeout: 'timeout',
    bulkhead: 'bulkhead',
    rate_limit: 'rate limit',
};

export const isKind = (word: string): word is Kind => Object.hasOwn(KINDS, word);

export const rejects = (state: State | null): boolean => state === 'open' || state === 'forced_open';

export const failing = ({ window }: Policy): number => (window && window.calls > 0 ? window.failures / window.calls : 0);

/** Smaller is worse. */
export function severity(policy: Policy): number {
    // With keys, the state is that of the worst of them; the others let calls through.
    if (policy.state !== null && policy.keys && policy.keys.notClosed > 0 && policy.keys.notClosed < policy.keys.held) return 2;
    if (rejects(policy.state)) return 0;
    if (policy.state === 'half_open') return 1;
    if (policy.strained || (policy.state === 'monitoring' && rejects(policy.decided))) return 3;
    return policy.kind === 'circuit_breaker' ? 4 : 5;
}

/** What a kind counts of every call that comes. */
const ALL: Record<Kind, readonly string[]> = {
    circuit_breaker: ['calls'],
    retry: ['retries'],
    timeout: ['timed_out'],
    bulkhead: ['admitted', 'rejected'],
    rate_limit: ['allowed', 'rejected'],
};

export const volume = ({ kind, rate }: Policy): number => ALL[kind].reduce((sum, word) => sum + (rate[word] ?? 0), 0);

const KIND_ORDER = Object.keys(KINDS);

export const worstFirst = (a: Policy, b: Policy): number =>
    severity(a) - severity(b)
    || failing(b) - failing(a)
    || KIND_ORDER.indexOf(a.kind) - KIND_ORDER.indexOf(b.kind)
    || volume(b) - volume(a)
    || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

export const matches = (policy: Policy, words: string): boolean => {
    const text = `${policy.name} ${KINDS[policy.kind]} ${policy.state ? STATES[policy.state] : ''} ${policy.functions.join(' ')}`.toLowerCase();
    return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
};
