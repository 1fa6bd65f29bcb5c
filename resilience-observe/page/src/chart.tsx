// What a policy did, second by second: the share of failures beside the threshold, calls by what became of them, and how long they took.
import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { clock, percent, rate, span } from './format';
import type { Kind, State } from './model';
import type { Series } from './wire';

/** A moment that is worth a line. */
export interface Mark {
    /** Seconds since 1970. */
    t: number;
    word: string;
    state: State | null;
}

type Column = readonly (number | null)[];

interface Line {
    column: string;
    label: string;
    /** A class of the style sheet. */
    paint: string;
}

interface Plot {
    title: string;
    lines: Line[];
    /** Areas, each on top of those before it. */
    stacked: boolean;
    /** The largest value of the axis, where it is known before. */
    top?: number;
    threshold?: number;
    write: (value: number) => string;
}

const perSecond = (value: number): string => `${rate(value)}/s`;
const counted = (stacked: boolean, ...lines: [column: string, label: string, paint: string][]): Plot => ({
    title: 'calls per second', lines: lines.map(([column, label, paint]) => ({ column, label, paint })), stacked, write: perSecond,
});

const CALLS: Record<Kind, Plot> = {
    circuit_breaker: counted(true, ['succeeded', 'succeeded', 'ok'], ['failures', 'failed', 'bad'], ['rejected', 'rejected', 'warn']),
    bulkhead: counted(true, ['admitted', 'let in', 'ok'], ['rejected', 'rejected', 'warn']),
    rate_limit: counted(true, ['allowed', 'let through', 'ok'], ['rejected', 'rejected', 'warn']),
    timeout: counted(false, ['timed_out', 'timed out', 'bad']),
    retry: counted(false, ['retries', 'tried again', 'info'], ['recovered', 'saved by that', 'ok'], ['gave_up', 'given up', 'bad']),
};

const SHARE: Plot = {
    title: 'share of calls that failed', lines: [{ column: 'share', label: 'failed', paint: 'bad' }],
    stacked: false, top: 1, write: percent,
};

const LATENCY: Plot = {
    title: 'how long calls took',
    lines: [
        { column: 'p50', label: 'half of them at most (p50)', paint: 'info' },
        { column: 'p99', label: '99 of 100 at most (p99)', paint: 'warn' },
    ],
    stacked: false, write: span,
};

/** The moment that is pointed at, in all plots at once. */
const pointed = signal<number | null>(null);

const [LEFT, RIGHT, ABOVE, BELOW] = [58, 8, 16, 20];

/** The share of failures among the calls that were let through in the window that ends at each moment. */
function share({ t, of: { calls = [], failures = [], rejected = [] } }: Series, window: number): Column {
    let [from, all, failed] = [0, 0, 0];
    const through = (nth: number) => (calls[nth] ?? 0) - (rejected[nth] ?? 0);
    return t.map((moment, nth) => {
        all += through(nth);
        failed += failures[nth] ?? 0;
        for (; t[from]! <= moment - window; from += 1) {
            all -= through(from);
            failed -= failures[from] ?? 0;
        }
        return all > 0.001 ? Math.max(0, Math.min(1, failed / all)) : null;
    });
}

interface Drawn {
    series: Series;
    marks: Mark[];
    /** The moment that somebody has come for, and what is shown; in seconds since 1970. */
    at: number | null;
    from: number;
    to: number;
}

export function Chart({ kind, window, threshold, ...drawn }: Drawn & {
    kind: Kind;
    /** Seconds. */
    window: number;
    /** A share. */
    threshold: number | null;
}) {
    const { series } = drawn;
    const columns = useMemo((): Record<string, Column> => {
        const { calls = [], failures = [], rejected = [] } = series.of;
        const succeeded = calls.map((value, nth) => (value === null ? null : Math.max(0, value - (failures[nth] ?? 0) - (rejected[nth] ?? 0))));
        return { ...series.of, succeeded, share: share(series, Math.max(window, series.step)) };
    }, [series, window]);
    const plots = [CALLS[kind]];
    if (kind === 'circuit_breaker') plots.unshift(threshold === null ? SHARE : { ...SHARE, threshold });
    if ((series.of.p99 ?? []).some((value) => value !== null)) plots.push(LATENCY);
    return <div class="charts">{plots.map((plot) => <One key={plot.title} plot={plot} columns={columns} {...drawn} />)}</div>;
}

function One({ plot, columns, series, marks, at, from, to }: Drawn & { plot: Plot; columns: Record<string, Column> }) {
    const host = useRef<HTMLDivElement>(null);
    const [width, setWidth] = useState(600);
    useEffect(() => {
        const element = host.current!;
        const watch = new ResizeObserver(() => setWidth(Math.max(200, element.clientWidth)));
        watch.observe(element);
        return () => watch.disconnect();
    }, []);
    const height = plot.top === undefined ? 130 : 150;
    const { t, step } = series;
    const first = Math.max(0, t.findIndex((moment) => moment >= from));
    const shown = (column: string): Column => columns[column] ?? [];

    const values = plot.lines.map(({ column }) => shown(column));
    const heights = plot.stacked ? stack(values, t.length) : values;
    const most = Math.max(0, ...heights.flatMap((column) => column.slice(first)).map((value) => value ?? 0));
    const ticks = plot.top === undefined ? nice(most) : [0, 0.25, 0.5, 0.75, 1];
    const top = plot.top ?? Math.max(ticks.at(-1)!, most);
    const x = (moment: number) => LEFT + ((moment - from) / (to - from)) * (width - LEFT - RIGHT);
    const y = (value: number) => ABOVE + (1 - value / top) * (height - ABOVE - BELOW);

    const nearest = pointed.value === null ? t.length - 1 : closest(t, pointed.value);
    const said = plot.lines.map(({ label, paint }, nth) => ({ label, paint, value: values[nth]?.[nearest] }));
    const point = (clientX: number) => {
        const { left } = host.current!.getBoundingClientRect();
        pointed.value = from + ((clientX - left - LEFT) / (width - LEFT - RIGHT)) * (to - from);
    };

    return (
        <figure class="chart">
            <figcaption>
                <b>{plot.title}</b>, <span class="at">{pointed.value === null ? 'now' : nearest >= 0 && clock(t[nearest]! * 1000)}</span>
                {said.map(({ label, paint, value }) => (
                    <span key={label} class="legend"><i class={`swatch ${paint}`} />{label} <b>{typeof value === 'number' ? plot.write(value) : '–'}</b></span>
                ))}
            </figcaption>
            <div ref={host}>
                <svg
                    class="plot" width={width} height={height} tabIndex={0} role="img"
                    aria-label={`${plot.title}: ${said.map(({ label, value }) => `${label} ${typeof value === 'number' ? plot.write(value) : 'unknown'}`).join(', ')}. Left and right show other moments.`}
                    onPointerMove={({ clientX }) => point(clientX)} onPointerLeave={() => (pointed.value = null)} onBlur={() => (pointed.value = null)}
                    onKeyDown={(event) => {
                        const by = { ArrowLeft: -step, ArrowRight: step }[event.key];
                        if (by === undefined) return;
                        pointed.value = (t[nearest] ?? to) + by;
                        event.preventDefault();
                    }}
                >
                    <Bands series={series} x={x} from={from} to={to} height={height} />
                    {ticks.map((tick) => (
                        <g key={tick}>
                            <path class="grid" d={`M${LEFT} ${y(tick)}H${width - RIGHT}`} />
                            <text x={LEFT - 6} y={y(tick) + 4} text-anchor="end">{plot.write(tick)}</text>
                        </g>
                    ))}
                    {moments(from, to, Math.floor((width - LEFT) / 90)).map((moment) => (
                        <text key={moment} x={x(moment)} y={height - 5} text-anchor="middle">{clock(moment * 1000)}</text>
                    ))}
                    {plot.lines.map(({ label, paint }, nth) => (
                        plot.stacked
                            ? <path key={label} class={`area ${paint}`} d={area(t, step, heights[nth - 1], heights[nth]!, first, x, y)} />
                            : <path key={label} class={`line ${paint}`} d={polyline(t, step, heights[nth]!, first, x, y)} />
                    ))}
                    {plot.threshold !== undefined && (
                        <g class="threshold">
                            <path d={`M${LEFT} ${y(plot.threshold)}H${width - RIGHT}`} />
                            <text x={LEFT + 4} y={y(plot.threshold) - 4}>opens at {percent(plot.threshold)}</text>
                        </g>
                    )}
                    {plot.top !== undefined && <Marks marks={marks} x={x} from={from} to={to} right={width - RIGHT} height={height} />}
                    {at !== null && at >= from && at <= to && <path class="came-for" d={`M${x(at)} ${ABOVE}V${height - BELOW}`} />}
                    {pointed.value !== null && nearest >= 0 && <path class="pointer" d={`M${x(t[nearest]!)} ${ABOVE}V${height - BELOW}`} />}
                </svg>
            </div>
        </figure>
    );
}

/** The ground is coloured where the state was not closed. */
function Bands({ series: { t, state, step }, x, from, to, height }: { series: Series; x: (t: number) => number; from: number; to: number; height: number }) {
    const paths: Partial<Record<State, string>> = {};
    for (let nth = 0; nth < t.length; ) {
        let end = nth;
        while (end + 1 < t.length && state[end + 1] === state[nth] && t[end + 1]! - t[end]! < 2.5 * step) end += 1;
        const one = state[nth];
        const [left, right] = [Math.max(from, t[nth]! - step), Math.min(to, t[end]!)];
        if (one && one !== 'closed' && right > left) {
            paths[one] = `${paths[one] ?? ''}M${x(left).toFixed(1)} ${ABOVE}H${x(right).toFixed(1)}V${height - BELOW}H${x(left).toFixed(1)}z`;
        }
        nth = end + 1;
    }
    return <>{Object.entries(paths).map(([state, path]) => <path key={state} class={`band ${state}`} d={path} />)}</>;
}

/** A line and its word at each moment that is worth them, as far as there is room for words. */
function Marks({ marks, x, from, to, right, height }: { marks: Mark[]; x: (t: number) => number; from: number; to: number; right: number; height: number }) {
    let free = -Infinity;
    return (
        <>
            {marks.filter(({ t }) => t >= from && t <= to).map(({ t, word, state }) => {
                const text = `${word} ${clock(t * 1000)}`;
                const length = text.length * 6.2;
                const left = Math.min(x(t), right - length);
                if (left < free) return null;
                free = left + length + 8;
                return (
                    <g key={`${t} ${word}`} class={`moment ${state ?? ''}`}>
                        <path d={`M${x(t).toFixed(1)} ${ABOVE}V${height - BELOW}`} />
                        <text x={left} y={ABOVE - 4}>{text}</text>
                    </g>
                );
            })}
        </>
    );
}

/** Sums from below. */
function stack(values: Column[], length: number): Column[] {
    const sums: Column[] = [];
    for (const column of values) {
        const below = sums.at(-1);
        sums.push(Array.from({ length }, (_, nth) => {
            const value = column[nth] ?? null;
            const under = below?.[nth] ?? null;
            return value === null && under === null ? null : (value ?? 0) + (under ?? 0);
        }));
    }
    return sums;
}

type Scale = (value: number) => number;

/** A step for each moment; where nothing is known there is nothing. */
function area(t: readonly number[], step: number, under: Column | undefined, over: Column, first: number, x: Scale, y: Scale): string {
    let path = '';
    for (let nth = first; nth < t.length; nth += 1) {
        const [low, high] = [under?.[nth] ?? 0, over[nth] ?? 0];
        if (high <= low) continue;
        const [left, right] = [x(Math.max(t[nth]! - step, t[first]! - step)), x(t[nth]!)];
        path += `M${left.toFixed(1)} ${y(low).toFixed(1)}V${y(high).toFixed(1)}H${right.toFixed(1)}V${y(low).toFixed(1)}z`;
    }
    return path;
}

/** Broken where nothing is known, and where nobody has looked. A value without neighbours is a dash. */
function polyline(t: readonly number[], step: number, column: Column, first: number, x: Scale, y: Scale): string {
    let path = '';
    let before: number | null = null;
    for (let nth = first; nth < t.length; nth += 1) {
        const [moment, value] = [t[nth]!, column[nth] ?? null];
        if (value === null) {
            before = null;
            continue;
        }
        const follows: boolean = before !== null && moment - before < 2.5 * step;
        path += follows
            ? `L${x(moment).toFixed(1)} ${y(value).toFixed(1)}`
            : `M${x(moment - step * 0.4).toFixed(1)} ${y(value).toFixed(1)}H${x(moment).toFixed(1)}`;
        before = moment;
    }
    return path;
}

/** Round values from zero to at least `most`, about four of them. */
function nice(most: number): number[] {
    if (most <= 0) return [0, 1];
    const rough = most / 3;
    const ten = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((digit) => digit * ten).find((step) => step >= rough)!;
    return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, nth) => nth * step);
}

/** Round moments, at most so many. */
function moments(from: number, to: number, atMost: number): number[] {
    const STEPS = [5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400];
    const step = STEPS.find((step) => (to - from) / step <= atMost) ?? 28800;
    const first = Math.ceil(from / step) * step;
    return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, nth) => first + nth * step);
}

function closest(t: readonly number[], moment: number): number {
    let best = t.length - 1;
    for (let nth = best; nth >= 0 && Math.abs(t[nth]! - moment) <= Math.abs(t[best]! - moment); nth -= 1) best = nth;
    return best;
}
