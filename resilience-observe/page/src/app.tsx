// The frame: what is worst on top, tabs, and the policy that is open.
import { useEffect, useRef } from 'preact/hooks';
import { focusActs } from './acts';
import { Advices } from './advice';
import { age, percent, rate, span } from './format';
import { Functions } from './functions';
import { Dot, Health } from './health';
import { type State, rejects } from './model';
import { Panel, } from './panel';
import { Policies, RANGE_WORDS, filter, focusRow, sorted } from './policies';
import { RANGES, type Range, TABS, type Tab, go, link, route } from './route';
import { Shape } from './shape';
import { advice, announced, connection, health, heardAt, hello, here, now, operations, pause, pausedAt, policies, retryNow, show, tick } from './store';
import { switchTheme, theme } from './theme';
import { Timeline } from './timeline';
import { kindWord } from './words';

const TAB_WORDS: Record<Tab, string> = { policies: 'Policies', functions: 'Functions', timeline: 'Timeline', health: 'Health', advice: 'Advice' };

/** Silent for longer than this, what is shown is called old. */
const OLD = 4000;

export function App() {
    const { tab, open } = route.value;
    const said = connection.value;
    const isOld = said.is !== 'live' || here.value - heardAt.value > OLD;
    useEffect(() => {
        addEventListener('keydown', onKey);
        return () => removeEventListener('keydown', onKey);
    }, []);
    useTitle();
    // Where somebody was before the panel was opened.
    const came = useRef<string | null>(null);
    useEffect(() => {
        if (open) {
            came.current = `${open.kind}/${open.name}`;
        } else if (came.current !== null) {
            const nth = sorted.value.findIndex((one) => `${one.peek().kind}/${one.peek().name}` === came.current);
            if (nth >= 0 && document.activeElement === document.body && tab === 'policies') focusRow(nth);
            came.current = null;
        }
    }, [open?.kind, open?.name]);

    return (
        <>
            <Head />
            <Bars />
            <nav aria-label="Views">
                {TABS.map((one) => (
                    <a key={one} href={link({ tab: one, open: null, at: null })} aria-current={one === tab ? 'page' : undefined}>
                        {TAB_WORDS[one]}
                        {one === 'advice' && advice.value.length > 0 && <span class="count">{advice.value.length}</span>}
                        {one === 'health' && health.value && health.value.status !== 'up' && <Dot status={health.value.status} />}
                    </a>
                ))}
                <span class="ranges" role="group" aria-label="How far back">
                    {(Object.keys(RANGES) as Range[]).map((range) => (
                        <a key={range} href={link({ range, at: null })} aria-current={route.value.range === range ? 'true' : undefined} title={`the last ${RANGE_WORDS[range]}`}>{range}</a>
                    ))}
                </span>
            </nav>
            <main class={isOld ? 'old' : ''}>
                {said.is === 'wants a token' ? <TokenForm because={said.because} /> : <View tab={tab} />}
            </main>
            {open && said.is !== 'wants a token' && <Panel id={open} />}
            <p class="unseen" role="status" aria-live="polite">{announced.value}</p>
        </>
    );
}

function View({ tab }: { tab: Tab }) {
    if (policies.value.size === 0 && connection.value.is === 'connecting') return <p class="none">Asking the program …</p>;
    switch (tab) {
        case 'policies': return <Policies />;
        case 'functions': return <Functions />;
        case 'timeline': return <Timeline />;
        case 'health': return <Health />;
        case 'advice': return <Advices />;
    }
}

function Head() {
    tick.value;
    const breakers = [...policies.value.values()].map((one) => one.value).filter(({ state }) => state !== null);
    const counts: Partial<Record<State, number>> = {};
    for (const { state } of breakers) counts[state!] = (counts[state!] ?? 0) + 1;
    const sum = (word: string) => breakers.reduce((sum, { rate }) => sum + (rate[word] ?? 0), 0);
    const [calls, failures, rejected] = [sum('calls'), sum('failures'), sum('rejected')];
    const fallbacks = operations.value.reduce((sum, { perSecond }) => sum + perSecond, 0);
    const said = health.value;
    const worst = said?.reasons[0];
    return (
        <header class="head">
            <div class="who">
                <h1>resilience</h1>
                {hello.value && <span>{hello.value.instance}</span>}
                {hello.value && <span class="up">up {span(Math.floor((now.value - Date.parse(hello.value.started.time)) / 1000))}</span>}
            </div>
            {said && (
                <a class={`verdict ${said.status}`} href={link({ tab: 'health', open: null, at: null })}>
                    <Dot status={said.status} /> {said.status}
                    {worst && <span class="reason">: {kindWord(worst.kind)} {worst.name} {worst.why}{said.reasons.length + said.more > 1 && `, and ${said.reasons.length + said.more - 1} more`}</span>}
                </a>
            )}
            <div class="tools">
                <label class="filter">
                    <span class="unseen">Filter by name, kind or state</span>
                    <input id="filter" type="search" placeholder="filter  /" value={filter.value} onInput={({ currentTarget }) => (filter.value = currentTarget.value)} />
                </label>
                <button type="button" aria-pressed={pausedAt.value !== null} title="Pause (p)" onClick={pause}>{pausedAt.value === null ? 'pause' : 'go on'}</button>
                <button type="button" title="Light or dark" onClick={switchTheme}>{theme.value === 'dark' ? 'light' : 'dark'}</button>
            </div>
            <ul class="summary">
                {(['open', 'half_open', 'forced_open', 'closed', 'monitoring', 'disabled'] as const).map((state) =>
                    (counts[state] ?? 0) > 0 || state === 'open' || state === 'closed'
                        ? <li key={state} class={counts[state] ? state : 'zero'}><Shape state={state} /> <b>{counts[state] ?? 0}</b> {WORDS[state]}</li>
                        : null)}
                <li class="rates"><b>{rate(calls)}</b> calls/s</li>
                <li class={failures > 0 ? 'bad' : ''}><b>{calls > rejected ? percent(failures / (calls - rejected)) : '0 %'}</b> of those let through failing</li>
                <li class={rejected > 0 ? 'warn' : ''}><b>{rate(rejected)}</b>/s rejected</li>
                {fallbacks > 0 && <li><b>{rate(fallbacks)}</b>/s answered by a fallback</li>}
            </ul>
        </header>
    );
}

const WORDS: Record<State, string> = { open: 'open', half_open: 'half-open', forced_open: 'forced open', closed: 'closed', monitoring: 'monitoring', disabled: 'disabled' };

/** What one has to know before one believes a number. */
function Bars() {
    const said = connection.value;
    const silence = (here.value - heardAt.value) / 1000;
    return (
        <div role="alert">
            {said.is === 'lost' && (
                <p class="bar-lost">
                    <b>Connection lost.</b> What is shown is {age(silence)} old: {said.because}.
                    {' '}Trying again {said.next > here.value ? `in ${age((said.next - here.value) / 1000 + 1)}` : 'now'}.
                    <button type="button" onClick={retryNow}>try now</button>
                </p>
            )}
            {said.is === 'live' && silence * 1000 > OLD && <p class="bar-lost"><b>Nothing is heard.</b> What is shown is {age(silence)} old.</p>}
            {pausedAt.value !== null && <p class="bar-paused">Paused. What is shown is of {age((now.value - pausedAt.value) / 1000)} ago. <button type="button" onClick={pause}>go on</button></p>}
        </div>
    );
}

function TokenForm({ because }: { because: string | null }) {
    return (
        <form
            class="token" onSubmit={(event) => {
                event.preventDefault();
                show(String(new FormData(event.currentTarget).get('token') ?? '').trim());
            }}
        >
            <h2>A token is wanted</h2>
            <p>This program shows its policies to whoever has its token.</p>
            {because !== null && <p class="failing" role="alert"><b>{because}</b></p>}
            <label>token <input name="token" type="password" autocomplete="off" required /></label>
            <button type="submit">Look</button>
        </form>
    );
}

function useTitle(): void {
    tick.value;
    const open = [...policies.value.values()].filter((one) => rejects(one.value.state));
    const name = open.length === 1 ? open[0]!.value.name : `${open.length}`;
    const title = `${open.length > 0 ? `■ ${name} open · ` : ''}resilience${hello.value ? ` · ${hello.value.instance}` : ''}`;
    useEffect(() => {
        document.title = title;
    }, [title]);
}

function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const focused = document.activeElement as HTMLElement | null;
    const isWriting = focused?.matches('input:not([type=radio]), textarea, select') ?? false;
    const search = document.querySelector<HTMLInputElement>('#filter');
    if (event.key === 'Escape') {
        if (focused === search && search) {
            filter.value = '';
            search.blur();
        } else if (route.value.open) {
            // Its row has the focus again.
            focused?.blur();
            go({ open: null, at: null });
        } else {
            focused?.blur();
        }
        return;
    }
    if (focused === search && (event.key === 'ArrowDown' || event.key === 'Enter')) {
        focusRow(0);
        event.preventDefault();
        return;
    }
    if (isWriting) return;
    const nth = Number(event.key);
    if (event.key === '/') search?.focus();
    else if (event.key === 'p') pause();
    else if (event.key === 's') steer(focused);
    else if (nth >= 1 && nth <= TABS.length) go({ tab: TABS[nth - 1]!, open: null, at: null });
    else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && focused === document.body) focusRow(0);
    else return;
    event.preventDefault();
}

/** To what can be done with the policy that is open, or that has the focus, or that is the worst. */
function steer(focused: HTMLElement | null): void {
    const row = focused?.closest('tr')?.dataset.id;
    const one = sorted.value.find((one) => `${one.peek().kind}/${one.peek().name}` === row) ?? sorted.value.find((one) => one.peek().state !== null);
    if (!route.value.open && one) go({ open: { kind: one.peek().kind, name: one.peek().name }, at: null });
    // The panel takes the focus first.
    setTimeout(focusActs, 50);
}
