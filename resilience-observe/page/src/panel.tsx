// Everything about one policy: the minutes before, what was set and where, what happened, and what can be done.
import { useEffect, useRef, useState } from 'preact/hooks';
import { Acts } from './acts';
import { below, get } from './api';
import { Chart, type Mark } from './chart';
import { Events } from './events';
import { age, count, date, percent, span } from './format';
import { type Id, KINDS, MEANING, STATES, type State, idOf } from './model';
import { why } from './policies';
import { link, route, seconds } from './route';
import { useSeries } from './series';
import { StateWord } from './shape';
import { journal, now, operations, pausedAt, policies, tick } from './store';

interface Setting {
    key: string;
    value: string;
    source: { type: string; file?: string; path?: string; line?: number; variable?: string; preset?: string };
}

/** What the panel shows beyond the row of the table. */
interface Whole {
    next_in_words: string;
    settings: Setting[];
    totals?: Record<string, number>;
    last_error?: { cause: string; at: { time: string } } | null;
    history?: { time: Record<State, number>; openings: Record<string, number>; recoveries: number; last_recovery: number | null };
    probes?: { permitted: number; succeeded: number; wanted: number } | null;
}

interface OneKey {
    key: string;
    state?: State;
    reason_in_words?: string | null;
    probe_due_in?: number | null;
    window?: { calls: number; failures: number } | null;
}

/** Without the folders, which the title has. */
const brief = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function source({ type, file, path, line, variable, preset }: Setting['source'], of = brief): string {
    switch (type) {
        case 'attribute': return `${of(file ?? '')}:${line}`;
        case 'file': return `${of(path ?? '')}:${line}`;
        case 'defaults': return `${of(path ?? '')}:${line} (defaults)`;
        case 'environment': return variable ?? type;
        case 'preset': return `preset ${preset}`;
        case 'call': return 'a call of reconfigure';
        default: return type;
    }
}

/** Asked for again every few seconds while it is looked at. */
function useAnswer<T>(path: string, every: number): T | null {
    const [answer, set] = useState<{ path: string; value: T } | null>(null);
    useEffect(() => {
        const abort = new AbortController();
        const load = () => {
            if (pausedAt.peek() !== null) return;
            get<T>(path, abort.signal).then((value) => set({ path, value }), () => undefined);
        };
        load();
        const timer = setInterval(load, every);
        return () => {
            abort.abort();
            clearInterval(timer);
        };
    }, [path]);
    return answer?.path === path ? answer.value : null;
}

/** `10s`, `1m30s` or `250ms` in seconds; a window of calls has no length. */
function seconds_of(value: string | undefined): number | null {
    const UNITS: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600 };
    const parts = [...(value ?? '').matchAll(/([\d.]+)(ms|s|m|h)/g)];
    return parts.length > 0 && parts.map(([part]) => part).join('') === value
        ? parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!, 0)
        : null;
}

export function Panel({ id }: { id: Id }) {
    const { at, range } = route.value;
    const policy = policies.value.get(idOf(id))?.value;
    const whole = useAnswer<{ policy: Whole }>(below(id), 2000)?.policy ?? null;
    const series = useSeries(id, range);
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => heading.current?.focus({ preventScroll: true }), [idOf(id)]);
    tick.value;

    const events = journal.value.filter(({ kind, name }) => name === id.name && kind === id.kind);
    const of = (key: string) => whole?.settings.find((setting) => setting.key === key)?.value;
    const threshold = Number(of('failure_rate'));
    const marks: Mark[] = events
        .filter(({ type, key }) => key === null && (type === 'transition' || type === 'steered' || type === 'reconfigured'))
        .map(({ at, type, told }) => ({
            t: at / 1000,
            word: type === 'transition' ? STATES[told.to as State] : type === 'steered' ? 'by hand' : 'reconfigured',
            state: type === 'transition' ? (told.to as State) : null,
        }))
        .filter(({ state }) => state !== 'half_open');
    // A moment of the past is looked at from a little before it to a little after it.
    const isPast = at !== null && at < now.value - seconds.value * 500;
    const to = isPast ? at / 1000 + seconds.value * 0.25 : now.value / 1000;
    // Of a program that has just begun there is not so much to show.
    const known = series.t.find((_, nth) => Object.values(series.of).some((column) => column[nth] !== null)) ?? to;
    const from = Math.max(to - seconds.value, Math.min(known, to - 60));

    return (
        <section class="panel" aria-labelledby="panel-name">
            <header>
                <h2 id="panel-name" ref={heading} tabIndex={-1}>
                    <span class="kind">{KINDS[id.kind]}</span> {id.name}
                </h2>
                {policy?.state && <StateWord state={policy.state} />}
                {policy?.state && policy.state !== 'closed' && <span>for {age((now.value - policy.since) / 1000)}</span>}
                <p class="means">{policy?.state ? [MEANING[policy.state], why(policy, now.value)].filter(Boolean).join('; ') : policy && [policy.words, why(policy, now.value)].filter(Boolean).join('; ')}</p>
                <a class="close" href={link({ open: null, at: null })} aria-label="Close (Esc)" title="Close (Esc)">×</a>
            </header>
            {!policy && <p class="none">This program has no {KINDS[id.kind]} of that name.</p>}
            {policy && (
                <div class="parts">
                    <div class="part past">
                        <Chart
                            kind={id.kind} series={series} marks={marks} at={at === null ? null : at / 1000}
                            window={seconds_of(of('window')) ?? 10} threshold={threshold > 0 ? threshold / 100 : null}
                            from={from} to={to}
                        />
                    </div>
                    {id.kind === 'circuit_breaker' && <div class="part"><Acts name={id.name} /></div>}
                    <div class="part">
                        <h3>Events</h3>
                        <Events events={events} none="Nothing has happened yet." />
                    </div>
                    {policy.keys && id.kind === 'circuit_breaker' && <div class="part"><Keys id={id} /></div>}
                    {whole && <div class="part"><Settings whole={whole} /></div>}
                    {whole && <div class="part"><Facts id={id} whole={whole} /></div>}
                </div>
            )}
        </section>
    );
}

function Settings({ whole: { settings } }: { whole: Whole }) {
    // What somebody has written comes first.
    const written = settings.filter(({ source }) => source.type !== 'default');
    const defaults = settings.filter(({ source }) => source.type === 'default');
    return (
        <table class="settings">
            <caption><h3>Settings</h3></caption>
            <thead><tr><th scope="col">key</th><th scope="col">value</th><th scope="col">from</th></tr></thead>
            <tbody>
                {[...written, ...defaults].map((setting) => (
                    <tr key={setting.key} class={setting.source.type === 'default' ? 'by-default' : ''}>
                        <th scope="row"><code>{setting.key}</code></th>
                        <td><code>{setting.value}</code></td>
                        <td title={source(setting.source, (path) => path)}>{source(setting.source)}</td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

function Facts({ id, whole: { totals, history, last_error, next_in_words } }: { id: Id; whole: Whole }) {
    const functions = operations.value.filter(({ layers }) => layers.some(({ kind, policy }) => kind === id.kind && policy === id.name));
    const old = Object.values(history?.time ?? {}).reduce((sum, time) => sum + time, 0);
    const openings = Object.entries(history?.openings ?? {}).filter(([, times]) => times > 0);
    return (
        <>
            <h3>{old > 0 ? `In all, of ${span(old)}` : 'In all'}</h3>
            <dl>
                <dt>the next call</dt><dd>{next_in_words}</dd>
                {functions.length > 0 && <><dt>guards</dt><dd>{functions.map(({ name, file, line }) => <div key={name}><code>{name}</code> <span title={`${file}:${line}`}>{brief(file)}:{line}</span></div>)}</dd></>}
                {totals && (
                    <>
                        <dt>calls</dt>
                        <dd>{Object.entries(totals).filter(([, times]) => times > 0).map(([what, times]) => `${count(times)} ${what.replaceAll('_', ' ')}`).join(', ') || 'none'}</dd>
                    </>
                )}
                {openings.length > 0 && <><dt>opened</dt><dd>{openings.map(([reason, times]) => `${count(times)} × ${reason.replaceAll('_', ' ')}`).join(', ')}</dd></>}
                {history && history.last_recovery !== null && <><dt>last outage</dt><dd>{span(history.last_recovery)} from opening to closing</dd></>}
                {history && old > 0 && (
                    <>
                        <dt>time</dt>
                        <dd>{Object.entries(history.time).filter(([, time]) => time > 0).map(([state, time]) => `${percent(time / old)} ${STATES[state as State]}`).join(', ')}</dd>
                    </>
                )}
                {last_error && <><dt>last error</dt><dd>{last_error.cause} <time>({date(Date.parse(last_error.at.time))})</time></dd></>}
            </dl>
        </>
    );
}

function Keys({ id }: { id: Id }) {
    const answer = useAnswer<{ keys: OneKey[] }>(below(id, '/keys?limit=100'), 2000);
    return (
        <table class="of-keys">
            <caption><h3>Keys, those that are not closed first</h3></caption>
            <thead><tr><th scope="col">key</th><th scope="col">state</th><th scope="col" class="number">failing</th><th scope="col">why</th></tr></thead>
            <tbody>
                {answer?.keys.map(({ key, state, window, reason_in_words }) => (
                    <tr key={key}>
                        <th scope="row">{key}</th>
                        <td>{state && <StateWord state={state} />}</td>
                        <td class="number">{window && window.calls > 0 ? `${window.failures} of ${window.calls}` : '–'}</td>
                        <td>{state !== 'closed' && reason_in_words}</td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

