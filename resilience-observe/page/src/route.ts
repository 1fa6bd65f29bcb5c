// What is shown is in the fragment, so that a link to it can be sent to somebody: `#/timeline`, `#/circuit_breaker/payment?at=1764182770123`.
import { computed, signal } from '@preact/signals';
import { type Id, isKind } from './model';

export const TABS = ['policies', 'functions', 'timeline', 'health', 'advice'] as const;
export type Tab = (typeof TABS)[number];

export const RANGES = { '5m': 300, '1h': 3600, '12h': 43200 } as const;
export type Range = keyof typeof RANGES;

interface Route {
    tab: Tab;
    /** The policy whose panel is open. */
    open: Id | null;
    /** The moment that the panel is about. */
    at: number | null;
    range: Range;
}

function parse(fragment: string): Route {
    const [path = '', query = ''] = fragment.replace(/^#\/?/, '').split('?');
    const said = new URLSearchParams(query);
    const tab = (word: string | null | undefined): Tab => TABS.find((tab) => tab === word) ?? 'policies';
    const range = said.get('range') ?? '';
    const route: Route = {
        tab: tab(path),
        open: null,
        at: Number(said.get('at')) || null,
        range: Object.hasOwn(RANGES, range) ? (range as Range) : '5m',
    };
    const [kind = '', name] = path.split('/');
    if (name !== undefined && isKind(kind)) {
        try {
            route.open = { kind, name: decodeURIComponent(name) };
            route.tab = tab(said.get('tab'));
        } catch {
            // Half of an escape: somebody has shortened the link.
        }
    }
    return route;
}

export const route = signal(parse(location.hash));
addEventListener('hashchange', () => (route.value = parse(location.hash)));

/** The link to where one is, with some of it changed. */
export function link(change: Partial<Route>): string {
    const { tab, open, at, range } = { ...route.value, ...change };
    const said = new URLSearchParams();
    if (open && tab !== 'policies') said.set('tab', tab);
    if (open && at) said.set('at', String(Math.round(at)));
    if (range !== '5m') said.set('range', range);
    const path = open ? `${open.kind}/${encodeURIComponent(open.name)}` : tab === 'policies' ? '' : tab;
    return `#/${path}${said.size > 0 ? `?${said}` : ''}`;
}

export function go(change: Partial<Route>): void {
    location.hash = link(change);
}

export const seconds = computed(() => RANGES[route.value.range]);
