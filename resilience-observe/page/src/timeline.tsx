// One lane for each policy that has changed: its states as bars, and what was done by hand as marks.
import { signal } from '@preact/signals';
import { useRef, useState } from 'preact/hooks';
import { Events } from './events';
import { clock, date, span } from './format';
import { type Id, STATES, type State, isKind } from './model';
import { filter } from './policies';
import { link, seconds } from './route';
import { Shape } from './shape';
import { journal, now } from './store';
import type { Happened } from './wire';
import { by, kindWord, said, shownName } from './words';

interface Bar {
    state: State;
    from: number;
    /** `null`: it lasts. */
    to: number | null;
    because: Happened | null;
    /** Changes that were too short to be seen one by one. */
    more: number;
}

interface Lane {
    label: string;
    id: Id;
    bars: Bar[];
    marks: Happened[];
    last: number;
}

/** A part of the time, if somebody has chosen one. */
const chosen = signal<{ from: number; to: number } | null>(null);
const told = signal<string | null>(null);

const LANES = 100;
/** More bars than these are not in the document at once. */
const BARS = 2000;

const WORST: readonly State[] = ['closed', 'monitoring', 'disabled', 'half_open', 'open', 'forced_open'];

function lanes(from: number, to: number): Lane[] {
    const words = filter.value.trim().toLowerCase();
    const found = new Map<string, Lane>();
    for (const one of journal.value) {
        const { kind, name, type, at } = one;
        if (!isKind(kind) || at > to || !['transition', 'steered', 'reconfigured'].includes(type)) continue;
        const label = shownName(one);
        if (!label.toLowerCase().includes(words)) continue;
        const key = `${kind}/${label}`;
        const lane = found.get(key) ?? { label, id: { kind, name }, bars: [], marks: [], last: 0 };
        found.set(key, lane);
        lane.last = at;
        if (type !== 'transition') {
            if (at >= from) lane.marks.push(one);
            continue;
        }
        const before = lane.bars.at(-1);
        if (before) before.to = at;
        else lane.bars.push({ state: one.told.from as State, from: -Infinity, to: at, because: null, more: 0 });
        lane.bars.push({ state: one.told.to as State, from: at, to: null, because: one, more: 0 });
    }
    const all = [...found.values()].filter(({ last, bars }) => last >= from || bars.at(-1)?.state !== 'closed');
    all.sort((a, b) => WORST.indexOf(b.bars.at(-1)?.state ?? 'closed') - WORST.indexOf(a.bars.at(-1)?.state ?? 'closed') || b.last - a.last);
    const shown = all.slice(0, LANES);
    const least = (to - from) / Math.min(400, BARS / Math.max(1, shown.length));
    for (const lane of shown) lane.bars = merged(lane.bars.filter((bar) => (bar.to ?? to) >= from), least, to);
    return shown;
}

/** Neighbours that are too short to be seen one by one are one, in the worst state of all. */
function merged(bars: Bar[], least: number, end: number): Bar[] {
    const kept: Bar[] = [];
    for (const bar of bars) {
        const before = kept.at(-1);
        const isShort = (one: Bar) => (one.to ?? end) - one.from < least;
        if (before && isShort(bar) && isShort({ ...before, from: Math.max(before.from, 0) })) {
            before.to = bar.to;
            before.more += bar.state === 'closed' ? 0 : 1;
            if (WORST.indexOf(bar.state) > WORST.indexOf(before.state)) before.state = bar.state;
        } else {
            kept.push({ ...bar });
        }
    }
    return kept;
}

function describe({ state, from, to, because, more }: Bar): string {
    const lasted = to === null ? 'until now' : `for ${span((to - from) / 1000)}`;
    const since = from === -Infinity ? '' : ` since ${clock(from)} ${lasted}`;
    return `${STATES[state]}${since}${because ? `: ${said(because)}` : ''}${more > 0 ? `; and ${more} more changes` : ''}`;
}

export function Timeline() {
    const length = seconds.value * 1000;
    const { from, to } = chosen.value ?? { from: now.value - length, to: now.value };
    const shown = lanes(from, to);
    const field = useRef<HTMLDivElement>(null);
    const [brush, setBrush] = useState<{ from: number; to: number } | null>(null);
    const place = (at: number) => Math.max(0, Math.min(100, ((at - from) / (to - from)) * 100));
    const at = (event: PointerEvent) => {
        const { left, width } = field.current!.getBoundingClientRect();
        return from + ((event.clientX - left) / width) * (to - from);
    };
    const shift = (by: number, scale: number) => {
        const middle = (from + to) / 2 + by * (to - from);
        const half = Math.max(500, ((to - from) / 2) * scale);
        chosen.value = { from: middle - half, to: middle + half };
    };
    const ticks = Array.from({ length: 5 }, (_, nth) => from + ((to - from) * (nth + 0.5)) / 5);
    const events = journal.value.filter((one) => one.at >= from && one.at <= to && shown.some(({ label, id }) => label === shownName(one) && id.kind === one.kind));

    return (
        <section class="timeline">
            <h2 class="unseen">Timeline</h2>
            <div class="tools">
                <span>{date(from)} to {clock(to)}</span>
                <button type="button" onClick={() => shift(-0.5, 1)}>earlier</button>
                <button type="button" onClick={() => shift(0.5, 1)}>later</button>
                <button type="button" onClick={() => shift(0, 0.5)}>closer</button>
                <button type="button" onClick={() => shift(0, 2)}>wider</button>
                <button type="button" disabled={chosen.value === null} onClick={() => (chosen.value = null)}>now</button>
                <span class="hint">Drag to look closer; a bar opens its policy at that time.</span>
            </div>
            {shown.length === 0 && <p class="none">{filter.value ? 'No policy that matches the filter has changed in this time.' : 'No policy has changed in this time.'}</p>}
            <div
                class="lanes"
                onPointerDown={(event) => {
                    if ((event.target as Element).closest('a') || event.button !== 0 || event.pointerType === 'touch') return;
                    event.currentTarget.setPointerCapture(event.pointerId);
                    setBrush({ from: at(event), to: at(event) });
                }}
                onPointerMove={(event) => brush && setBrush({ ...brush, to: at(event) })}
                onPointerUp={() => {
                    if (brush && Math.abs(brush.to - brush.from) > (to - from) / 100) {
                        chosen.value = { from: Math.min(brush.from, brush.to), to: Math.max(brush.from, brush.to) };
                    }
                    setBrush(null);
                }}
            >
                <div class="lane axis" aria-hidden="true">
                    <span class="label" />
                    <div class="field" ref={field}>
                        {ticks.map((tick, nth) => <span key={nth} style={{ left: `${place(tick)}%` }}>{clock(tick)}</span>)}
                        {brush && <span class="brush" style={{ left: `${place(Math.min(brush.from, brush.to))}%`, width: `${Math.abs(place(brush.to) - place(brush.from))}%` }} />}
                    </div>
                </div>
                {shown.map(({ label, id, bars, marks }) => (
                    <div class="lane" key={`${id.kind}/${label}`}>
                        <a class="label" href={link({ open: id, at: null })} title={`${kindWord(id.kind)} ${label}`}>{label}</a>
                        <div class="field">
                            {bars.map((bar) => {
                                const [left, right] = [place(bar.from), place(bar.to ?? to)];
                                const words = describe(bar);
                                return (
                                    <a
                                        key={bar.from} class={`bar ${bar.state}`} href={link({ open: id, at: bar.from === -Infinity ? from : bar.from })}
                                        style={{ left: `${left}%`, width: `${right - left}%` }} aria-label={`${label}: ${words}`} title={words}
                                        tabIndex={bar.state === 'closed' ? -1 : 0}
                                        onFocus={() => (told.value = `${label}: ${words}`)} onPointerEnter={() => (told.value = `${label}: ${words}`)}
                                    >
                                        {right - left > 3 && bar.state !== 'closed' && (
                                            <><Shape state={bar.state} /> {STATES[bar.state]}{bar.because && reason(bar.because) && `: ${reason(bar.because)}`}</>
                                        )}
                                    </a>
                                );
                            })}
                            {marks.map((mark, nth) => {
                                const hand = by(mark);
                                const words = `${clock(mark.at)} ${said(mark)}`;
                                const next = marks[nth + 1];
                                const room = place(next ? next.at : to) - place(mark.at);
                                return (
                                    <a
                                        key={mark.id ?? mark.at} class={`mark ${mark.type}`} href={link({ open: id, at: mark.at })}
                                        style={{ left: `${place(mark.at)}%`, maxWidth: `${room}%` }} title={words} aria-label={`${label}: ${words}`}
                                        onFocus={() => (told.value = `${label}: ${words}`)} onPointerEnter={() => (told.value = `${label}: ${words}`)}
                                    >
                                        ◆ {hand ? `${hand.who}: ${hand.why}` : said(mark)}
                                    </a>
                                );
                            })}
                        </div>
                    </div>
                ))}
            </div>
            <p class="told">{told.value ?? '\u00a0'}</p>
            {shown.length > 0 && <Events events={events.filter(({ type }) => type !== 'repeated')} none="Nothing has happened in this time." withNames />}
        </section>
    );
}

/** Why, without what the bar says already. */
const reason = (happened: Happened): string => /\((.*)\)/.exec(said(happened))?.[1] ?? '';
