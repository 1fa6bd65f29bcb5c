// The table of policies, the worst first.
import { type Signal, computed, signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { age, percent, rate, span } from './format';
import { KINDS, MEANING, type Policy, STATES, failing, idOf, matches, rejects, severity, worstFirst } from './model';
import { link, route } from './route';
import { Shape } from './shape';
import { Spark } from './spark';
import { now, policies, tick } from './store';

export const filter = signal('');

/** While somebody points at the table or moves in it, rows stay where they are. */
const held = signal(false);
let order: string[] = [];

/** Every policy that is asked for, the worst first. */
export const sorted = computed((): Signal<Policy>[] => {
    tick.value;
    const known = policies.value;
    let found = [...known.values()];
    if (held.value) {
        const place = new Map(order.map((id, nth) => [id, nth]));
        const at = (one: Signal<Policy>) => place.get(idOf(one.peek())) ?? Number.MAX_SAFE_INTEGER;
        found.sort((a, b) => at(a) - at(b) || worstFirst(a.peek(), b.peek()));
    } else {
        found.sort((a, b) => worstFirst(a.peek(), b.peek()));
    }
    order = found.map((one) => idOf(one.peek()));
    const words = filter.value.trim();
    if (words) found = found.filter((one) => matches(one.peek(), words));
    return found;
});

/** More rows than these are not in the document at once. */
const ROWS = 100;
const first = signal(0);
/** Of a row, in pixels. */
const height = signal(44);

let measured = false;

export function Policies() {
    const all = sorted.value;
    const body = useRef<HTMLTableSectionElement>(null);
    const begin = Math.max(0, Math.min(first.value, all.length - ROWS));
    const shown = all.slice(begin, begin + ROWS);
    // It is measured, also where no call has ended in the last second.
    measured ||= all.some((one) => typeof one.value.latency?.p50 === 'number');
    const hasLatency = measured;

    useEffect(() => {
        const row = body.current!.querySelector('tr[data-id]');
        if (row) height.value = row.getBoundingClientRect().height;
    });
    useEffect(() => {
        const main = body.current!.closest('main')!;
        const follow = () => {
            const above = main.scrollTop - body.current!.offsetTop - (ROWS / 4) * height.value;
            first.value = Math.max(0, Math.round(above / height.value / 10) * 10);
        };
        main.addEventListener('scroll', follow, { passive: true });
        return () => main.removeEventListener('scroll', follow);
    }, []);

    const move = (event: KeyboardEvent) => {
        const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
        if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
        const id = (document.activeElement?.closest('tr') as HTMLElement | null)?.dataset.id;
        const from = all.findIndex((one) => idOf(one.peek()) === id);
        focusRow(Math.max(0, Math.min(all.length - 1, from + step)));
        event.preventDefault();
    };

    return (
        <table
            class={`policies${hasLatency ? '' : ' no-latency'}`} aria-rowcount={all.length + 1} onKeyDown={move}
            onPointerEnter={() => (held.value = true)} onPointerLeave={() => (held.value = false)}
            onFocusIn={() => (held.value = true)} onFocusOut={() => (held.value = false)}
        >
            <caption class="unseen">Policies, the worst first</caption>
            <thead>
                <tr>
                    <th scope="col">state</th>
                    <th scope="col">policy</th>
                    <th scope="col" class="number">calls/s</th>
                    <th scope="col" class="number" title="Of the calls in the window that the breaker decides by">failing</th>
                    <th scope="col" class="number">rejected/s</th>
                    {hasLatency && <><th scope="col" class="number">p50</th><th scope="col" class="number">p99</th></>}
                    <th scope="col">last {RANGE_WORDS[route.value.range]}</th>
                    <th scope="col">why, and what is next</th>
                </tr>
            </thead>
            <tbody ref={body}>
                <Room rows={begin} height={height.value} />
                {shown.map((one, nth) => <Row key={idOf(one.peek())} policy={one} nth={begin + nth + 2} hasLatency={hasLatency} />)}
                <Room rows={all.length - begin - shown.length} height={height.value} />
            </tbody>
            {all.length === 0 && (
                <tbody>
                    <tr><td class="none" colSpan={9}>{filter.value ? 'No policy matches the filter.' : 'This program has no policy yet.'}</td></tr>
                </tbody>
            )}
        </table>
    );
}

export const RANGE_WORDS = { '5m': '5 minutes', '1h': 'hour', '12h': '12 hours' };

/** Where rows would be that are not in the document. */
const Room = ({ rows, height }: { rows: number; height: number }) =>
    rows > 0 ? <tr class="room" aria-hidden="true"><td style={{ height: `${rows * height}px` }} /></tr> : null;

/** Brings the row of that number into the document, and the focus to it. */
export function focusRow(nth: number): void {
    const id = sorted.value[nth] && idOf(sorted.value[nth].peek());
    if (id === undefined) return;
    const begin = Math.max(0, Math.min(first.value, sorted.value.length - ROWS));
    if (nth < begin || nth >= begin + ROWS) {
        first.value = Math.max(0, nth - ROWS / 2);
        const main = document.querySelector('main')!;
        main.scrollTop = nth * height.value - main.clientHeight / 2;
    }
    requestAnimationFrame(() => {
        const row = [...document.querySelectorAll<HTMLElement>('tr[data-id]')].find((row) => row.dataset.id === id);
        row?.querySelector('a')?.focus();
        row?.scrollIntoView({ block: 'nearest' });
    });
}

function Row({ policy: { value: policy }, nth, hasLatency }: { policy: Signal<Policy>; nth: number; hasLatency: boolean }) {
    const { kind, name, state } = policy;
    const { open } = route.value;
    const isOpen = open?.kind === kind && open.name === name;
    return (
        <tr data-id={idOf(policy)} aria-rowindex={nth} class={`row severity-${severity(policy)}${isOpen ? ' is-open' : ''}`}>
            <td class="of-state">
                {state === null
                    ? <span class="kind">{KINDS[kind]}</span>
                    : (
                        <span class={`state ${state}`} title={MEANING[state]}>
                            <Shape state={state} /> {STATES[state]}
                            {state !== 'closed' && <> <time>{age((now.value - policy.since) / 1000)}</time></>}
                        </span>
                    )}
            </td>
            <th scope="row" class="name">
                <a href={link({ open: isOpen ? null : { kind, name }, at: null })} aria-expanded={isOpen} title={name}>{name}</a>
                {policy.critical && <span class="critical" title="Critical: the program is down while it is open"> ★</span>}
                {policy.keys && <span class="keys"> {policy.keys.notClosed} of {policy.keys.held} keys not closed</span>}
            </th>
            {state === null
                ? <td class="words" colSpan={hasLatency ? 5 : 3}>{policy.words}</td>
                : (
                    <>
                        <td class="number" data-word="calls/s">{rate(policy.rate.calls ?? 0)}</td>
                        <td class="number" data-word="failing">
                            {policy.window && policy.window.calls > 0
                                ? <span class={policy.window.failures > 0 ? 'failing' : 'fine'} title={percent(failing(policy))}>{policy.window.failures} of {policy.window.calls}</span>
                                : <span class="fine">–</span>}
                        </td>
                        <td class="number" data-word="rejected/s"><span class={(policy.rate.rejected ?? 0) > 0 ? 'rejecting' : 'fine'}>{rate(policy.rate.rejected ?? 0)}</span></td>
                        {hasLatency && <Latency policy={policy} />}
                    </>
                )}
            <td class="of-spark"><Spark policy={policy} range={route.value.range} /></td>
            <td class="why">{why(policy, now.value)}</td>
        </tr>
    );
}

function Latency({ policy: { latency } }: { policy: Policy }) {
    const one = (seconds: number | null | undefined) => (typeof seconds === 'number' ? span(seconds) : '–');
    return <><td class="number" data-word="p50">{one(latency?.p50)}</td><td class="number" data-word="p99">{one(latency?.p99)}</td></>;
}

const TOLD: Record<string, string> = {
    admitted: 'let in', allowed: 'let through', rejected: 'rejected', timed_out: 'timed out', retries: 'retried',
    recovered: 'saved by that', would_reject: 'would have been rejected',
};

/** Why it is as it is, and what comes next. */
export function why(policy: Policy, now: number): string {
    const said: string[] = [];
    const { state, decided, reason, probeDue } = policy;
    if (state === 'monitoring' && rejects(decided)) said.push(`would be open${reason ? `: ${reason}` : ''}`);
    else if (state === 'half_open') said.push('trying whether calls succeed again');
    else if (reason && state !== 'closed' && state !== 'disabled') said.push(reason);
    if (state === 'forced_open' && probeDue === null) said.push('until somebody ends it');
    if (probeDue !== null && state !== 'closed') {
        const left = (probeDue - now) / 1000;
        said.push(state === 'forced_open' ? `ends in ${age(left)}` : left > 0 ? `next probe in ${span(Math.ceil(left))}` : 'the next call is a probe');
    }
    if (policy.enforcedPercent < 100 && state !== 'monitoring') said.push(`rejects only ${policy.enforcedPercent} % of what it would`);
    for (const [word, told] of Object.entries(TOLD)) {
        const perSecond = policy.rate[word] ?? 0;
        if (perSecond > 0 && (state === null || word === 'would_reject')) said.push(`${rate(perSecond)}/s ${told}`);
    }
    return said.join('; ');
}
